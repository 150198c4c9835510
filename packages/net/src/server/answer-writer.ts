import type { ClientSocket } from './client-socket.ts';
import { realTurn } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { Sender } from '../wire/outbox.ts';
import { Outgoing } from '../wire/outgoing.ts';
import type { ServerState } from './server-state.ts';

/** What may wait to be sent before the next request is looked at; larger bodies are sent in parts of it. */
const WAITING_AT_MOST_BYTES = 64 * 1024;
/** Parts of a streamed body that are sent in a row before others have their turn: a body may never have to wait. */
const PARTS_IN_A_ROW = 16;
const CRLF = Buffer.from('\r\n');
export const LAST_CHUNK = '0\r\n\r\n';

/** The sending half of a connection. */
export class AnswerWriter implements Sender {
  readonly #socket: ClientSocket;
  readonly #state: ServerState;
  readonly #onRoom: () => void;
  readonly #outgoing: Outgoing;
  #isQueued = false;
  #isEnding = false;
  #wake: (() => void) | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #isLost = false;
  /** What was unsent at the last look, and since when it is. */
  #unsentBytes = 0;
  #unsentTick = 0;

  /** `onRoom` is told when there is room for more, after there was none. */
  constructor(socket: ClientSocket, state: ServerState, onRoom: () => void) {
    this.#socket = socket;
    this.#state = state;
    this.#onRoom = onRoom;
    this.#outgoing = new Outgoing(socket);
    socket.on('drain', () => {
      this.#wake?.();
      this.#onRoom();
    });
  }

  /** Whether something is not sent yet. */
  get isBusy(): boolean {
    return this.#outgoing.bytes > 0 || this.#socket.writableLength > 0;
  }

  /** Whether the client should read before it is given more. */
  get isFull(): boolean {
    return this.#outgoing.bytes > WAITING_AT_MOST_BYTES || this.#socket.writableNeedDrain;
  }

  /** Whether the client has taken nothing of what waits for it, for `timeoutMs`. Asked once a tick. */
  hasStalled(timeoutMs: number): boolean {
    const unsent = this.#socket.writableLength;
    if (unsent === 0 || unsent !== this.#unsentBytes) {
      this.#unsentBytes = unsent;
      this.#unsentTick = this.#state.tick;
      return false;
    }
    return this.#state.hasPassed(timeoutMs, this.#unsentTick);
  }

  /** The connection is lost: nobody waits any more. */
  lost(): void {
    this.#isLost = true;
    this.#outgoing.clear();
    this.#wake?.();
    this.#reader?.cancel().catch(() => {});
  }

  /**
   * Takes an answer, to be sent by `send` or `end`. A large one is sent in parts, as the client takes them; resolves then
   * when they all have been.
   */
  whole(head: string, body: string | Uint8Array, bodyBytes: number): Promise<void> | undefined {
    if (bodyBytes > WAITING_AT_MOST_BYTES && body.length > 0) {
      this.#outgoing.push(head);
      return this.#parts(typeof body === 'string' ? Buffer.from(body) : body);
    }
    if (typeof body !== 'string') {
      this.#outgoing.push(head);
      if (body.length > 0) this.#outgoing.push(body);
    } else if (body.length === bodyBytes || body === '') {
      // ASCII is the same in latin1: head and body are one string.
      this.#outgoing.push(head + body);
    } else {
      const bytes = Buffer.allocUnsafe(head.length + bodyBytes);
      bytes.write(head, 0, 'latin1');
      bytes.write(body, head.length, 'utf8');
      this.#outgoing.push(bytes);
    }
    return undefined;
  }

  /** Sends an answer that comes before the one that counts. */
  provisional(head: string): void {
    this.#outgoing.push(head);
    this.flush();
  }

  /** Takes latin1 text, to be sent by `send` or `end`. */
  text(piece: string): void {
    this.#outgoing.text(piece);
  }

  /** Takes a copy of bytes that will change, as a chunk if it is to be one; see `Outgoing.copy`. */
  copy(bytes: Buffer, isChunk: boolean): void {
    this.#outgoing.copy(bytes, isChunk);
  }

  async #parts(body: Uint8Array): Promise<void> {
    for (let at = 0; at < body.length && !this.#isLost; at += WAITING_AT_MOST_BYTES) {
      this.#outgoing.push(body.subarray(at, at + WAITING_AT_MOST_BYTES));
      await this.#sent();
    }
  }

  /**
   * Sends a head and then what `body` brings. Resolves to false when the connection was lost; rejects when the body
   * fails or is not as long as `bodyBytes`, and then the connection is cut.
   */
  async streamed(
    head: string,
    body: ReadableStream<Uint8Array>,
    isChunked: boolean,
    bodyBytes: number | undefined,
  ): Promise<boolean> {
    const reader = body.getReader();
    this.#reader = reader;
    let leftBytes = bodyBytes ?? Infinity;
    let parts = 0;
    try {
      this.#outgoing.push(head);
      this.flush();
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#isLost) return false;
        if (done) break;
        parts += 1;
        if (parts % PARTS_IN_A_ROW === 0) await realTurn();
        if (value.length === 0) continue;
        leftBytes -= value.length;
        if (leftBytes < 0) throw wrongLength(bodyBytes);
        if (isChunked) this.#outgoing.push(`${value.length.toString(16)}\r\n`);
        this.#outgoing.push(value);
        if (isChunked) this.#outgoing.push(CRLF);
        await this.#sent();
      }
      if (leftBytes !== Infinity && leftBytes !== 0) throw wrongLength(bodyBytes);
      if (isChunked) this.#outgoing.push(LAST_CHUNK);
      return true;
    } catch (error) {
      // The client must not take what it has for the whole.
      this.#socket.destroy();
      await reader.cancel(error).catch(() => {});
      throw error;
    } finally {
      this.#reader = undefined;
    }
  }

  /** Sends what waits: now when this is the only answer under way, else with the others of this turn. */
  send(isAlone: boolean): void {
    if (this.#isQueued || this.#outgoing.bytes === 0) return;
    this.#isQueued = true;
    this.#state.outbox.send(this, isAlone);
  }

  /** Sends what waits, and then that there is no more. */
  end(): void {
    this.#isEnding = true;
    if (!this.#isQueued) this.flush();
  }

  flush(): void {
    this.#isQueued = false;
    const socket = this.#socket;
    if (this.#isLost || socket.destroyed) return;
    this.#outgoing.flush();
    // What was too much to wait here is more than a socket takes at once too: `drain` comes.
    if (this.#isEnding) socket.end();
  }

  /** Sends what waits, and resolves when there is room for more or nobody waits. */
  #sent(): Promise<void> | undefined {
    this.flush();
    if (this.#isLost || !this.#socket.writableNeedDrain) return undefined;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

function wrongLength(bodyBytes: number | undefined) {
  return fail('UNSENDABLE', `The body of the answer is not as long as was said, ${bodyBytes} bytes.`);
}
