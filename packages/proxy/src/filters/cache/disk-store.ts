import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@fairlead/core';
import { FOOTER_BYTES, readFooter, readHead } from './answer-file.ts';
import { AnswerIndex } from './answer-index.ts';
import type { CacheStore, PurgeQuery, StoreReport } from './cache-store.ts';
import { Entry } from './entry.ts';
import { FileReader } from './file-reader.ts';
import { FileSpool, type WrittenAnswer } from './file-spool.ts';
import { ownFolder, type OwnFolder } from './own-folder.ts';
import { Sieve } from './sieve.ts';
import type { Spool } from './spool.ts';
import { StoredFile } from './stored-file.ts';
import type { AnswerRecord } from './stored-answer.ts';

/** How answers are kept on a disk. */
export interface DiskStoreOptions {
  readonly clock: Clock;
  /** Whose folders are in it, one a process. */
  readonly folder: string;
  /** Of all files, counted in whole blocks. */
  readonly maxBytes: number;
  readonly maxObjectBytes: number;
  /** Hears of what the disk doesn't do. */
  readonly failed: (error: unknown) => void;
}

/** What a file takes at least; heads are in memory, so there are at most so many for each. */
const BLOCK_BYTES = 4 * 1024;
const MOST_ENTRIES = 50_000;
const WHOLE = '.answer';
const TEMPORARY = '.part';

/**
 * Answers in files: their heads in memory too, their bodies only as they are given. What a process was killed over is found again by the next
 * one, but for what had not been whole.
 */
export class DiskStore implements CacheStore {
  /** Resolves when what was there before has been found; until then nothing is stored or found. */
  readonly ready: Promise<void>;
  readonly #options: DiskStoreOptions;
  readonly #index = new AnswerIndex();
  readonly #sieve = new Sieve<Entry>();
  readonly #files = new Map<Entry, StoredFile>();
  /** What names of new files begin with: no earlier owner's do. */
  readonly #stamp: string;
  #own: OwnFolder | undefined;
  #names = 0;
  #reservedBytes = 0;
  #evicted = 0;
  #failures = 0;
  #isClosed = false;

  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#stamp = `${options.clock.now().toString(36)}-${process.pid.toString(36)}`;
    this.ready = this.#open().catch((error: unknown) => this.#failed(error));
  }

  find(resource: string, partition: string): readonly Entry[] {
    return this.#index.find(resource, partition);
  }

  begin(record: AnswerRecord, bodyBytes: number): Spool | undefined {
    const own = this.#own;
    const { maxObjectBytes } = this.#options;
    if (own === undefined || this.#isClosed || bodyBytes > maxObjectBytes) return undefined;
    const reserved = blocks(bodyBytes < 0 ? BLOCK_BYTES : bodyBytes);
    if (!this.#reserve(reserved)) return undefined;
    this.#names += 1;
    const name = join(own.path, `${this.#stamp}-${this.#names.toString(36)}`);
    return new FileSpool(record, bodyBytes, {
      temporary: name + TEMPORARY,
      path: name + WHOLE,
      mostBytes: maxObjectBytes,
      failed: (error) => this.#failed(error),
      gone: () => {
        this.#reservedBytes -= reserved;
      },
      whole: (written) => {
        this.#reservedBytes -= reserved;
        return this.#keep(name + WHOLE, record, written, record.initialAgeMs);
      },
    });
  }

  confirm(entry: Entry, confirmed: Entry): void {
    const file = this.#files.get(entry);
    if (file === undefined) return;
    this.#drop(entry);
    file.rewrite(confirmed.record);
    this.#add(confirmed, file);
  }

  remove(entry: Entry): void {
    this.#drop(entry)?.doom();
  }

  purge(query: PurgeQuery): number {
    const meant = query.kind === 'all' ? [...this.#sieve.values()] : this.#index.meant(query);
    for (const entry of meant) this.remove(entry);
    return meant.length;
  }

  list(most: number): readonly Entry[] {
    return this.#sieve.values().take(most).toArray();
  }

  report(): StoreReport {
    return {
      store: 'disk',
      entries: this.#sieve.size,
      bytes: this.#sieve.bytes + this.#reservedBytes,
      maxBytes: this.#options.maxBytes,
      evicted: this.#evicted,
      failures: this.#failures,
    };
  }

  /** What is stored stays for the next process. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.ready;
    await Promise.all([...this.#files.values()].map((file) => file.settled));
    await this.#own?.leave();
  }

  async #open(): Promise<void> {
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true });
    const own = await ownFolder(folder);
    const names = await readdir(own.path);
    for (const name of names) {
      const path = join(own.path, name);
      if (name.endsWith(TEMPORARY)) await rm(path, { force: true });
      else if (name.endsWith(WHOLE)) await this.#found(path);
    }
    this.#own = own;
  }

  /** A file of before: one that isn't whole is deleted. */
  async #found(path: string): Promise<void> {
    const found = await readAnswer(path);
    if (found === undefined) return rm(path, { force: true });
    const { record, written } = found;
    // A clock that was set back can't tell how old it is.
    const awayMs = this.#options.clock.now() - record.cameAtMs;
    this.#keep(path, record, written, awayMs < 0 ? Infinity : record.initialAgeMs + awayMs);
  }

  #keep(path: string, record: AnswerRecord, written: WrittenAnswer, ageMs: number): Entry | undefined {
    const file = new StoredFile(path, written, (error) => this.#failed(error));
    const { bodyBytes, bodySum } = written;
    if (this.#isClosed || !this.#reserve(blocks(written.fileBytes))) {
      file.doom();
      return undefined;
    }
    this.#reservedBytes -= blocks(written.fileBytes);
    const body = (range: { readonly from: number; readonly to: number }) => {
      const isWhole = range.from === 0 && range.to === bodyBytes;
      return new FileReader(file, range, isWhole ? bodySum : undefined);
    };
    const entry = new Entry(record, bodyBytes, body, ageMs, this.#options.clock.monotonic());
    this.#add(entry, file);
    return entry;
  }

  #add(entry: Entry, file: StoredFile): void {
    for (const replaced of this.#index.add(entry)) {
      this.#sieve.delete(replaced);
      this.#files.get(replaced)?.doom();
      this.#files.delete(replaced);
    }
    this.#sieve.add(entry, blocks(file.fileBytes));
    this.#files.set(entry, file);
  }

  #drop(entry: Entry): StoredFile | undefined {
    const file = this.#files.get(entry);
    this.#files.delete(entry);
    if (this.#sieve.delete(entry)) this.#index.delete(entry);
    return file;
  }

  #reserve(bytes: number): boolean {
    const { maxBytes } = this.#options;
    if (this.#reservedBytes + bytes > maxBytes) return false;
    while (this.#sieve.bytes + this.#reservedBytes + bytes > maxBytes || this.#sieve.size >= MOST_ENTRIES) {
      const next = this.#sieve.next();
      if (next === undefined) return false;
      this.remove(next);
      this.#evicted += 1;
    }
    this.#reservedBytes += bytes;
    return true;
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#options.failed(error);
  }
}

function blocks(bytes: number): number {
  return Math.ceil((bytes + FOOTER_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
}

/** What a file holds; `undefined` when it isn't whole. */
async function readAnswer(path: string): Promise<{ record: AnswerRecord; written: WrittenAnswer } | undefined> {
  await using handle = await open(path, 'r');
  const { size } = await handle.stat();
  const end = Buffer.alloc(Math.min(FOOTER_BYTES, size));
  await handle.read(end, 0, end.length, size - end.length);
  const footer = readFooter(end, size);
  if (footer === undefined) return undefined;
  const head = Buffer.alloc(footer.headBytes);
  await handle.read(head, 0, head.length, footer.bodyBytes);
  const record = readHead(head, footer);
  return record && { record, written: { ...footer, fileBytes: size } };
}
