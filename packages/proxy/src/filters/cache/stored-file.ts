import { open, rm } from 'node:fs/promises';
import { answerTail } from './answer-file.ts';
import type { ReadFile } from './file-reader.ts';
import type { AnswerRecord } from './stored-answer.ts';

/** An answer's file. What is done to it is done in order, and it stays until nobody reads it any more. */
export class StoredFile implements ReadFile {
  readonly path: string;
  readonly bodyBytes: number;
  readonly bodySum: number;
  fileBytes: number;
  readonly #failed: (error: unknown) => void;
  #pins = 0;
  #isDoomed = false;
  #work: Promise<void> = Promise.resolve();

  /** `failed` hears of what can't be read, written or deleted. */
  constructor(
    path: string,
    size: { readonly bodyBytes: number; readonly bodySum: number; readonly fileBytes: number },
    failed: (error: unknown) => void,
  ) {
    this.path = path;
    this.bodyBytes = size.bodyBytes;
    this.bodySum = size.bodySum;
    this.fileBytes = size.fileBytes;
    this.#failed = failed;
  }

  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    this.#pins -= 1;
    if (this.#isDoomed && this.#pins === 0) this.#delete();
  }

  broken(error: unknown): void {
    this.#failed(error);
  }

  /** Another head behind the same body. Killed in between, the file is none any more. */
  rewrite(record: AnswerRecord): void {
    const tail = answerTail(record, this.bodyBytes, this.bodySum);
    this.fileBytes = this.bodyBytes + tail.length;
    const { fileBytes } = this;
    this.#then(async () => {
      await using handle = await open(this.path, 'r+');
      await handle.write(tail, 0, tail.length, this.bodyBytes);
      await handle.truncate(fileBytes);
    });
  }

  /** Deletes it as soon as nobody reads it. */
  doom(): void {
    if (this.#isDoomed) return;
    this.#isDoomed = true;
    if (this.#pins === 0) this.#delete();
  }

  /** Resolves when everything has been done. */
  get settled(): Promise<void> {
    return this.#work;
  }

  #delete(): void {
    this.#then(() => rm(this.path, { force: true }));
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#failed(error));
  }
}
