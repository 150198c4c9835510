import { Socket } from 'node:net';
import type { Clock } from '@fairlead/core';

/** How long a broken write may wait for what the server said before it closed: it lies in this machine's buffers already. */
const LAST_WORD_MS = 1_000;

type Written = (error?: Error | null) => void;

/**
 * A socket whose broken write fails only when everything that the server had sent was read. Node destroys a socket with
 * the first write that fails, and with it what nobody has read yet: the reason for which the server hung up.
 */
export class LastWordSocket extends Socket {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: Written): void {
    super._write(chunk, encoding, this.#afterLastWord(callback));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: Written): void {
    super._writev?.(chunks, this.#afterLastWord(callback));
  }

  #afterLastWord(callback: Written): Written {
    return (error) => {
      if (error === undefined || error === null || this.readableEnded || this.destroyed) {
        callback(error);
        return;
      }
      const settle = (): void => {
        timer.cancel();
        this.off('end', settle).off('close', settle);
        callback(error);
      };
      const timer = this.#clock.setTimer(LAST_WORD_MS, settle);
      this.once('end', settle).once('close', settle);
    };
  }
}
