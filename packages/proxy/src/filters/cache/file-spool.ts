import { link, open, rm, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { AnswerSource } from '../../engine/filter.ts';
import { answerTail } from './answer-file.ts';
import type { Entry } from './entry.ts';
import { FileReader, type FileProgress, type ReadFile } from './file-reader.ts';
import type { Spool } from './spool.ts';
import type { AnswerRecord } from './stored-answer.ts';

/** A file that an answer becomes. */
export interface WrittenAnswer {
  readonly bodyBytes: number;
  readonly bodySum: number;
  readonly fileBytes: number;
}

/** What becomes of a file. */
export interface SpoolFolder {
  /** Where it is written, and where it lies then. */
  readonly temporary: string;
  readonly path: string;
  /** Largest body, in bytes. */
  readonly mostBytes: number;
  whole(written: WrittenAnswer): Entry | undefined;
  gone(): void;
  failed(error: unknown): void;
}

/** What may wait to be written: a disk that is slower gets no answer to keep. */
const WAITING_AT_MOST_BYTES = 4 * 1024 * 1024;

/** A body on its way into a file, of which only what the disk hasn't taken yet is in memory. */
export class FileSpool implements Spool, FileProgress, ReadFile {
  readonly path: string;
  writtenBytes = 0;
  isCut = false;
  readonly #record: AnswerRecord;
  readonly #statedBytes: number;
  readonly #folder: SpoolFolder;
  #handle: FileHandle | undefined;
  /** What is being written, in its order. */
  #writing: Promise<void>;
  #waitingBytes = 0;
  #bytes = 0;
  #sum = 0;
  #isOver = false;
  #wake: (() => void)[] = [];
  #pins = 0;

  /** `statedBytes` −1: nobody knows. */
  constructor(record: AnswerRecord, statedBytes: number, folder: SpoolFolder) {
    this.#record = record;
    this.#statedBytes = statedBytes;
    this.#folder = folder;
    this.path = folder.temporary;
    this.#writing = open(folder.temporary, 'wx').then(
      (handle) => {
        this.#handle = handle;
      },
      (error: unknown) => this.broken(error),
    );
  }

  get isRead(): boolean {
    return this.#pins > 0;
  }

  append(part: Buffer): boolean {
    if (this.#isOver || this.isCut) return false;
    const most = this.#statedBytes < 0 ? this.#folder.mostBytes : this.#statedBytes;
    if (this.#bytes + part.length > most || this.#waitingBytes + part.length > WAITING_AT_MOST_BYTES) {
      this.abandon();
      return false;
    }
    this.#bytes += part.length;
    this.#waitingBytes += part.length;
    this.#sum = crc32(part, this.#sum);
    const copy = Buffer.from(part);
    this.#writing = this.#writing.then(() => this.#write(copy));
    return true;
  }

  commit(): Promise<Entry | undefined> | undefined {
    if (this.#isOver) return undefined;
    if (this.#statedBytes >= 0 && this.#bytes !== this.#statedBytes) {
      this.abandon();
      return undefined;
    }
    this.#isOver = true;
    return this.#writing.then(() => this.#finish());
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.isCut = true;
    this.#tell();
    void this.#writing.then(() => this.#discard());
  }

  reader(): AnswerSource {
    return new FileReader(this, { from: 0, to: this.#statedBytes }, undefined, this);
  }

  from(): undefined {
    return undefined;
  }

  more(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    this.#pins -= 1;
    this.#tell();
  }

  /** Its file can't be written or read: nobody is told that it is whole. */
  broken(error: unknown): void {
    this.#folder.failed(error);
    this.isCut = true;
    this.#tell();
  }

  async #write(part: Buffer): Promise<void> {
    try {
      if (!this.isCut) await this.#handle?.write(part, 0, part.length, this.writtenBytes);
      this.writtenBytes += part.length;
    } catch (error) {
      this.broken(error);
    }
    this.#waitingBytes -= part.length;
    this.#tell();
  }

  async #finish(): Promise<Entry | undefined> {
    const bodyBytes = this.#bytes;
    const tail = answerTail(this.#record, bodyBytes, this.#sum);
    try {
      if (this.isCut) throw new RangeError('What was to be stored could not be written.');
      await this.#handle?.write(tail, 0, tail.length, bodyBytes);
      await link(this.#folder.temporary, this.#folder.path);
    } catch (error) {
      this.broken(error);
      await this.#discard();
      return undefined;
    }
    void this.#leave();
    return this.#folder.whole({ bodyBytes, bodySum: this.#sum, fileBytes: bodyBytes + tail.length });
  }

  async #discard(): Promise<void> {
    await this.#leave();
    this.#folder.gone();
  }

  /** Its first name goes as soon as nobody is about to open it. */
  async #leave(): Promise<void> {
    try {
      await this.#handle?.close();
      while (this.#pins > 0) await this.more();
      await rm(this.#folder.temporary, { force: true });
    } catch (error) {
      this.#folder.failed(error);
    }
  }

  #tell(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
