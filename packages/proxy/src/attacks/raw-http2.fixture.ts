import { connect, type Socket } from 'node:net';

/** One field of a head, as it is put on the wire: nothing checks it. */
export type RawField = readonly [name: string, value: string];

const TYPES = {
  data: 0,
  headers: 1,
  priority: 2,
  rst: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  unknown: 0xfa,
} as const;
/** Kinds of frames. */
export type FrameType = keyof typeof TYPES;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** Of HPACK's static table: `:status: 200`, as one octet. */
const STATUS_200 = 0x88;

/** What became of a stream: its status (0 when it is not 200, and not looked at closer), or how it ended. */
export type StreamEnd = 'ok' | 'answered' | 'reset' | 'goaway' | 'closed';

/** A client of HTTP/2 (RFC 9113) that sends whatever it is told, over a plain connection. */
export class RawHttp2 {
  readonly #socket: Socket;
  #held = Buffer.alloc(0);
  #next = 1;
  readonly #ends = new Map<number, StreamEnd>();
  readonly #resets = new Set<number>();
  #isGone = false;
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.on('data', (chunk: Buffer) => this.#arrived(chunk));
    // What the other side cuts is told by `close`.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#isGone = true;
      this.#tell();
    });
    this.#socket.write(Buffer.concat([Buffer.from(PREFACE), frame(TYPES.settings, 0, 0, Buffer.alloc(0))]));
  }

  /** Whether the connection has ended, or is told to. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether a stream was reset, whatever came before. */
  wasReset(id: number): boolean {
    return this.#resets.has(id);
  }

  /** Begins a stream; without a body it is whole. The number is its id. */
  begin(fields: readonly RawField[], hasBody = false): number {
    const id = this.#next;
    this.#next += 2;
    this.#socket.write(frame(TYPES.headers, END_HEADERS | (hasBody ? 0 : END_STREAM), id, block(fields)));
    return id;
  }

  /** A part of a stream's body. */
  data(id: number, text: string, isLast = true): void {
    this.#socket.write(frame(TYPES.data, isLast ? END_STREAM : 0, id, Buffer.from(text, 'latin1')));
  }

  /** Trailers. */
  trailers(id: number, fields: readonly RawField[]): void {
    this.#socket.write(frame(TYPES.headers, END_HEADERS | END_STREAM, id, block(fields)));
  }

  reset(id: number): void {
    this.#socket.write(frame(TYPES.rst, 0, id, Buffer.from([0, 0, 0, 8])));
  }

  /** Begins a head and never ends it, frame after frame. */
  endlessHead(frames: number, bytesEach: number): void {
    const id = this.#next;
    this.#next += 2;
    this.#socket.write(frame(TYPES.headers, 0, id, Buffer.alloc(0)));
    for (let count = 0; count < frames && !this.#socket.destroyed; count += 1) {
      const fields: RawField[] = [[`x-${count}`, 'a'.repeat(bytesEach)]];
      this.#socket.write(frame(TYPES.continuation, 0, id, block(fields)));
    }
  }

  /** One frame, whatever it says; resolves when there is room for more, or nobody takes any. */
  async frame(type: FrameType, id: number, payload: Buffer = Buffer.alloc(0), flags = 0): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(frame(TYPES[type], flags, id, payload))) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('drain', resolve);
      this.#waiting.push(resolve);
    });
  }

  /** Reads nothing any more. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** What became of a stream, as soon as it is known. */
  async end(id: number): Promise<StreamEnd> {
    for (;;) {
      const end = this.#ends.get(id) ?? (this.#isGone ? 'closed' : undefined);
      if (end !== undefined) return end;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when the connection has ended, or is told to. */
  async gone(): Promise<void> {
    while (!this.#isGone) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #arrived(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= 9) {
      const length = this.#held.readUIntBE(0, 3);
      if (this.#held.length < 9 + length) return;
      const payload = this.#held.subarray(9, 9 + length);
      this.#frame(this.#held.readUInt8(3), this.#held.readUInt8(4), this.#held.readUInt32BE(5), payload);
      this.#held = this.#held.subarray(9 + length);
    }
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === TYPES.settings && (flags & ACK) === 0)
      this.#socket.write(frame(TYPES.settings, ACK, 0, Buffer.alloc(0)));
    if (type === TYPES.rst) this.#resets.add(id);
    if (type === TYPES.headers && !this.#ends.has(id))
      this.#ends.set(id, payload[0] === STATUS_200 ? 'ok' : 'answered');
    else if (type === TYPES.rst && !this.#ends.has(id)) this.#ends.set(id, 'reset');
    else if (type === TYPES.goaway) {
      // Streams beyond the last one that it names are not answered.
      const last = payload.readUInt32BE(0);
      for (let at = last + 2 - (last % 2 === 0 ? 1 : 0); at < this.#next; at += 2)
        if (!this.#ends.has(at)) this.#ends.set(at, 'goaway');
      this.#isGone = true;
    }
    this.#tell();
  }
}

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields without indexing and without Huffman (RFC 7541, section 6.2.2). */
function block(fields: readonly RawField[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const octets = Buffer.from(value, 'latin1');
  const length: number[] = [];
  if (octets.length < 127) length.push(octets.length);
  else {
    length.push(127);
    let rest = octets.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), octets]);
}
