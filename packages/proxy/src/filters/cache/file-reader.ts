import { open, type FileHandle } from 'node:fs/promises';
import { Fields } from '@fairlead/net';
import { crc32 } from 'node:zlib';
import type { AnswerSource, BodySink } from '../../engine/filter.ts';
import type { ByteRange } from './byte-range.ts';

/** A file that is read, and not to be deleted meanwhile. */
export interface ReadFile {
  readonly path: string;
  pin(): void;
  unpin(): void;
  /** It doesn't hold what it should. */
  broken(error: unknown): void;
}

/** How far a file has been written, while it is. */
export interface FileProgress {
  readonly writtenBytes: number;
  readonly isCut: boolean;
  /** Resolves when there is more, or there never will be. */
  more(): Promise<void>;
}

const PART_BYTES = 64 * 1024;
const NOTHING = new Fields([]);

/** Gives what is in a file as fast as it is taken, never more than a part at once in memory. */
export class FileReader implements AnswerSource {
  readonly bytes: number;
  readonly #file: ReadFile;
  readonly #range: ByteRange;
  /** Of the whole; `undefined` where a part is read, or it isn't known yet. */
  readonly #sum: number | undefined;
  readonly #progress: FileProgress | undefined;
  #isStopped = false;
  #room: (() => void) | undefined;

  constructor(file: ReadFile, range: ByteRange, sum: number | undefined, progress?: FileProgress) {
    this.#file = file;
    this.#range = range;
    this.#sum = sum;
    this.#progress = progress;
    this.bytes = range.to - range.from;
  }

  start(sink: BodySink): void {
    this.#file.pin();
    void this.#run(sink).finally(() => this.#file.unpin());
  }

  room(): void {
    this.#room?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.#room?.();
  }

  async #run(sink: BodySink): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#file.path, 'r');
      const isWhole = await this.#read(handle, sink);
      if (this.#isStopped) return;
      this.#isStopped = true;
      if (isWhole) sink.end(NOTHING);
      else sink.cut();
    } catch (error) {
      this.#file.broken(error);
      if (!this.#isStopped) sink.cut();
    } finally {
      await handle?.close().catch((error: unknown) => this.#file.broken(error));
    }
  }

  /** Whether all of it was given. */
  async #read(handle: FileHandle, sink: BodySink): Promise<boolean> {
    const { from, to } = this.#range;
    const buffer = Buffer.allocUnsafe(Math.min(PART_BYTES, to - from));
    let sum = 0;
    for (let at = from; at < to;) {
      const until = await this.#available(at);
      if (this.#isStopped || until <= at) return false;
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, until - at), at);
      if (this.#isStopped) return false;
      const part = buffer.subarray(0, bytesRead);
      at += bytesRead;
      if (this.#sum !== undefined) sum = crc32(part, sum);
      const isBad = bytesRead === 0 || (at === to && this.#sum !== undefined && sum !== this.#sum);
      if (isBad) throw new RangeError(`${this.#file.path} does not hold what was written to it.`);
      if (!sink.part(part) && at < to) await this.#roomAgain();
      if (this.#isStopped) return false;
    }
    return true;
  }

  /** How far it can be read. */
  async #available(at: number): Promise<number> {
    const progress = this.#progress;
    if (progress === undefined) return this.#range.to;
    while (progress.writtenBytes <= at && !progress.isCut && !this.#isStopped) await progress.more();
    return progress.isCut ? at : progress.writtenBytes;
  }

  #roomAgain(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = () => {
        this.#room = undefined;
        resolve();
      };
    });
  }
}
