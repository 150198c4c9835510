import type { Duplex } from 'node:stream';
import { sendRooms } from './send-rooms.ts';

/** What is rather made text, which is sent together with other text, than copied. */
const TEXT_AT_MOST_BYTES = 8 * 1024;

/** What waits to be sent over one socket: text beside text becomes one piece, and all pieces leave in one write. */
export class Outgoing {
  /** That wait here; the socket may have more. */
  bytes = 0;
  readonly #socket: Duplex;
  readonly #pieces: (string | Uint8Array)[] = [];

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Takes latin1 text. */
  text(text: string): void {
    const pieces = this.#pieces;
    const last = pieces.at(-1);
    if (typeof last === 'string') pieces[pieces.length - 1] = last + text;
    else pieces.push(text);
    this.bytes += text.length;
  }

  /** Takes latin1 text, or bytes that must not change. */
  push(piece: string | Uint8Array): void {
    if (typeof piece === 'string') return this.text(piece);
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /**
   * Takes bytes that will change, as a chunk if it is to be one. Small ones wait with what is before them, larger ones leave with it at
   * once.
   */
  copy(bytes: Buffer, isChunk: boolean): void {
    if (isChunk) this.text(`${bytes.length.toString(16)}\r\n`);
    const [before = ''] = this.#pieces;
    if (bytes.length <= TEXT_AT_MOST_BYTES) this.text(bytes.toString('latin1'));
    else if (this.#pieces.length <= 1 && typeof before === 'string' && sendRooms.fits(before.length + bytes.length + 2))
      return this.#sendTogether(before, bytes, isChunk);
    else this.push(Buffer.from(bytes));
    if (isChunk) this.text('\r\n');
  }

  /** Sends all of it. */
  flush(): void {
    const pieces = this.#pieces;
    const socket = this.#socket;
    this.bytes = 0;
    if (socket.destroyed) pieces.length = 0;
    else if (pieces.length === 1) this.#write(pieces[0] ?? '');
    else if (pieces.length > 1) {
      socket.cork();
      // Text beside bytes would make Node copy all of it into one piece.
      for (const piece of pieces) this.#write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
      socket.uncork();
    }
    pieces.length = 0;
  }

  /** Nothing of it is sent. */
  clear(): void {
    this.#pieces.length = 0;
    this.bytes = 0;
  }

  /** Text and bytes in one write, from memory that is used again. */
  #sendTogether(before: string, bytes: Buffer, isChunk: boolean): void {
    this.clear();
    if (this.#socket.destroyed) return;
    const room = sendRooms.take();
    let end = room.write(before, 0, 'latin1');
    end += bytes.copy(room, end);
    if (isChunk) end += room.write('\r\n', end, 'latin1');
    this.#socket.write(room.subarray(0, end), () => sendRooms.release(room));
  }

  #write(piece: string | Uint8Array): void {
    if (typeof piece === 'string') this.#socket.write(piece, 'latin1');
    else this.#socket.write(piece);
  }
}
