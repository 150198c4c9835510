import type { Duplex } from 'node:stream';
import { sendRooms } from './send-rooms.ts';

/** What is rather made text, which is sent together with other text, than copied. */
const TEXT_AT_MOST_BYTES = 8 * 1024;
const NO_PIECES: readonly (string | Uint8Array)[] = [];

/** What waits to be sent over one socket: text beside text becomes one piece, and all pieces leave in one write. */
export class Outgoing {
  /** That wait here; the socket may have more. */
  bytes = 0;
  readonly #socket: Duplex;
  /** What goes before the text, if there are bytes among it. */
  readonly #pieces: (string | Uint8Array)[] = [];
  #text = '';

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Takes latin1 text. */
  text(text: string): void {
    this.#text += text;
    this.bytes += text.length;
  }

  /** Takes latin1 text, or bytes that must not change. */
  push(piece: string | Uint8Array): void {
    if (typeof piece === 'string') return this.text(piece);
    if (this.#text !== '') this.#pieces.push(this.#text);
    this.#text = '';
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /**
   * Takes bytes that will change, as a chunk if it is to be one. Small ones wait with what is before them, larger ones leave with it at
   * once.
   */
  copy(bytes: Buffer, isChunk: boolean): void {
    if (isChunk) this.text(`${bytes.length.toString(16)}\r\n`);
    if (bytes.length <= TEXT_AT_MOST_BYTES) this.text(bytes.toString('latin1'));
    else if (this.#pieces.length === 0 && sendRooms.fits(this.bytes + bytes.length + 2))
      return this.#sendTogether(bytes, isChunk);
    else this.push(Buffer.from(bytes));
    if (isChunk) this.text('\r\n');
  }

  /** Sends all of it. */
  flush(): void {
    const socket = this.#socket;
    const text = this.#text;
    const pieces = this.#pieces.length === 0 ? NO_PIECES : this.#pieces.splice(0);
    this.clear();
    if (socket.destroyed) return;
    if (pieces.length === 0) {
      if (text !== '') socket.write(text, 'latin1');
      return;
    }
    socket.cork();
    // Text beside bytes would make Node copy all of it into one piece.
    for (const piece of pieces) socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    if (text !== '') socket.write(Buffer.from(text, 'latin1'));
    socket.uncork();
  }

  /** Nothing of it is sent. */
  clear(): void {
    this.#text = '';
    // Even an empty list takes its time to be emptied.
    if (this.#pieces.length > 0) this.#pieces.length = 0;
    this.bytes = 0;
  }

  /** The text and bytes in one write, from memory that is used again. */
  #sendTogether(bytes: Buffer, isChunk: boolean): void {
    const before = this.#text;
    this.clear();
    if (this.#socket.destroyed) return;
    const room = sendRooms.take();
    let end = room.write(before, 0, 'latin1');
    end += bytes.copy(room, end);
    if (isChunk) end += room.write('\r\n', end, 'latin1');
    this.#socket.write(room.subarray(0, end), () => sendRooms.release(room));
  }
}
