import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { fail } from './errors.ts';

/**
 * A request's body on its way to a service: as fast as the service takes it, and not a byte more than it may be. It
 * touches the request only when it is read for the first time, so that a body that never began to flow can be sent again.
 * Destroying it leaves the request alone: there is still an answer to be given.
 */
export class MeteredBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  readonly #onStart: () => void;
  #started = false;
  #bytes = 0;

  /** `onStart` runs when the first byte is asked for. */
  constructor(request: IncomingMessage, maxBytes: number, onStart: () => void) {
    super();
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#onStart = onStart;
  }

  /** Whether any of it has been asked for. */
  get started(): boolean {
    return this.#started;
  }

  override _read(): void {
    if (this.#started) {
      this.#request.resume();
      return;
    }
    this.#started = true;
    this.#onStart();
    this.#request.on('data', this.#onData);
    this.#request.on('end', this.#onEnd);
    this.#request.on('close', this.#onClose);
    this.#request.on('error', this.#onClose);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#detach();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.destroy(bodyTooLarge(this.#maxBytes));
    else if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => {
    this.#detach();
    this.push(null);
  };

  readonly #onClose = (): void => {
    this.destroy(fail('BAD_REQUEST', 'The connection closed before the whole body had arrived.'));
  };

  #detach(): void {
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.off('close', this.#onClose);
    this.#request.off('error', this.#onClose);
    // Whoever reads the rest by now must not be stopped.
    if (this.#started && this.#request.listenerCount('data') === 0) this.#request.pause();
  }
}

/** The refusal of a body beyond `maxBytes`. */
export function bodyTooLarge(maxBytes: number): Error {
  return fail('BODY_TOO_LARGE', `The body may have at most ${maxBytes} bytes here.`, {
    details: { maxBodyBytes: maxBytes },
  });
}
