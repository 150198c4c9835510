/** Room for the largest part that is read at once, and for what is written around it. */
const ROOM_BYTES = 96 * 1024;
/** Kept for later; what is beyond is left to the garbage collector. */
const MOST_KEPT = 64;

/**
 * Memory for parts of bodies between their arrival and their departure. They come in a buffer that is read into again, and leave
 * by a write that may take its time; making new memory for each costs more than all the rest.
 */
class SendRooms {
  readonly #kept: Buffer[] = [];

  /** Room of `ROOM_BYTES`, to be given back by `release`. */
  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(ROOM_BYTES);
  }

  release(room: Buffer): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(room);
  }

  /** Whether so many bytes fit into one. */
  fits(bytes: number): boolean {
    return bytes <= ROOM_BYTES;
  }
}

/** Those of the process. */
export const sendRooms = new SendRooms();
