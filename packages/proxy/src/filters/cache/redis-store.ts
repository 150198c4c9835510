import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { FairleadError, type Clock, type Random } from '@fairlead/core';
import type { CacheStore, PurgeQuery, StoreReport } from './cache-store.ts';
import { Entry } from './entry.ts';
import { MemorySpool } from './memory-spool.ts';
import type { RedisCacheClient } from './redis-cache-client.ts';
import type { Spool } from './spool.ts';
import type { AnswerRecord } from './stored-answer.ts';
import { selects, type SentFields } from './vary.ts';

/** How answers are kept in Redis. */
export interface RedisStoreOptions {
  readonly client: RedisCacheClient;
  readonly clock: Clock;
  readonly random: Random;
  /** What its keys begin with. */
  readonly prefix: string;
  readonly maxObjectBytes: number;
  /** Of bodies that are on their way there, in memory. */
  readonly maxWaitingBytes: number;
  /** Hears of what Redis doesn't do. */
  readonly failed: (error: unknown) => void;
}

type Group = Exclude<PurgeQuery, { kind: 'all' }>;

/** As a record is written: with where its body is, and what it is. */
interface Written {
  readonly record: AnswerRecord;
  readonly body: string;
  readonly bodyBytes: number;
  readonly bodySum: number;
}

/** Nothing is kept longer, so that what lists others outlives them. */
const MOST_KEPT_MS = 7 * 24 * 3_600_000;
/** How long what can be confirmed is kept beyond its time. */
const CONFIRMABLE_MS = 3_600_000;
/** How long a request waits for Redis; then it goes on without, as others do for a while. */
const PATIENCE_MS = 250;
const PAUSE_MS = 1_000;
const SCANNED = 1_000;
const NOBODY: readonly Entry[] = [];

/**
 * Answers in Redis, for all processes that name it. A hash for each URL and partition has its variants' heads, each body has a key,
 * and sets say what a group or URL consists of. All of it goes by itself. When Redis fails or is slow, requests go on without.
 */
export class RedisStore implements CacheStore {
  readonly #options: RedisStoreOptions;
  readonly #written = new WeakMap<Entry, Written>();
  #waitingBytes = 0;
  #failures = 0;
  #downUntilMs = -Infinity;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
  }

  async find(resource: string, partition: string, fields: SentFields): Promise<readonly Entry[]> {
    const { client } = this.#options;
    const found = await this.#patiently(async () => {
      const heads = Object.values(await client.hgetall(this.#index(resource, partition))).map(readWritten);
      const newest = heads.toSorted((a, b) => b.record.cameAtMs - a.record.cameAtMs);
      const written = newest.find(({ record }) => selects(record.selecting, fields));
      const isOurs = written?.record.resource === resource && written.record.partition === partition;
      if (written === undefined || !isOurs) return undefined;
      const body = written.bodyBytes === 0 ? Buffer.alloc(0) : await client.getBuffer(this.#body(written.body));
      // It went before its head did.
      return body?.length === written.bodyBytes && crc32(body) === written.bodySum ? { written, body } : undefined;
    });
    return found === undefined ? NOBODY : [this.#entry(found.written, found.body)];
  }

  begin(record: AnswerRecord, bodyBytes: number): Spool | undefined {
    const { maxObjectBytes } = this.#options;
    if (this.#isDown || bodyBytes > maxObjectBytes || !this.#reserve(Math.max(0, bodyBytes))) return undefined;
    return new MemorySpool(bodyBytes, maxObjectBytes, {
      reserve: (bytes) => this.#reserve(bytes),
      release: (bytes) => this.#release(bytes),
      gone: () => {},
      whole: (body) => {
        const id = Buffer.from(this.#options.random.bytes(12)).toString('base64url');
        const written = { record, body: id, bodyBytes: body.length, bodySum: crc32(body) };
        void this.#patiently(() => this.#write(written, body)).then(() => this.#release(body.length));
        return this.#entry(written, body);
      },
    });
  }

  confirm(entry: Entry, confirmed: Entry): void {
    const written = this.#written.get(entry);
    if (written === undefined) return;
    const next = { ...written, record: confirmed.record };
    this.#written.set(confirmed, next);
    void this.#patiently(async () => {
      await this.#options.client.pexpire(this.#body(next.body), keptMs(next.record));
      await this.#writeHead(next);
    });
  }

  remove(entry: Entry): void {
    const written = this.#written.get(entry);
    if (written === undefined) return;
    const { resource, partition, selecting } = written.record;
    void this.#patiently(async () => {
      await this.#options.client.hdel(this.#index(resource, partition), hashOf(selecting));
      await this.#options.client.del(this.#body(written.body));
    });
  }

  /** @throws UNAVAILABLE */
  purge(query: PurgeQuery): Promise<number> {
    return this.#told(() => this.#purge(query));
  }

  /** @throws UNAVAILABLE */
  list(most: number): Promise<readonly Entry[]> {
    return this.#told(() => this.#list(most));
  }

  async #purge(query: PurgeQuery): Promise<number> {
    const { client, prefix } = this.#options;
    const indexes =
      query.kind === 'all' ? await this.#scanned(`${prefix}i:*`) : await client.smembers(this.#group(query));
    let count = 0;
    for (const index of indexes) {
      const heads = Object.values(await client.hgetall(index)).map(readWritten);
      const meant = heads.filter(({ record }) => isMeant(record, query));
      for (const { record, body } of meant) {
        await client.hdel(index, hashOf(record.selecting));
        await client.del(this.#body(body));
      }
      count += meant.length;
    }
    if (query.kind !== 'all') await client.del(this.#group(query));
    return count;
  }

  async #list(most: number): Promise<readonly Entry[]> {
    const { client, prefix } = this.#options;
    const entries: Entry[] = [];
    for (const index of await this.#scanned(`${prefix}i:*`, most)) {
      for (const text of Object.values(await client.hgetall(index))) {
        entries.push(this.#entry(readWritten(text), Buffer.alloc(0)));
      }
    }
    return entries.slice(0, most);
  }

  report(): StoreReport {
    return { store: 'redis', entries: -1, bytes: -1, maxBytes: -1, evicted: 0, failures: this.#failures };
  }

  /** The client is its owner's. */
  async close(): Promise<void> {}

  async #write(written: Written, body: Buffer): Promise<void> {
    const { client } = this.#options;
    // A head whose body isn't there is nothing; a body without a head goes by itself.
    if (body.length > 0) await client.set(this.#body(written.body), body, 'PX', keptMs(written.record));
    await this.#writeHead(written);
    const { resource, partition, tags } = written.record;
    const groups: Group[] = [{ kind: 'resource', resource }, ...tags.map((tag) => ({ kind: 'tag', tag }) as const)];
    for (const group of groups) {
      await client.sadd(this.#group(group), this.#index(resource, partition));
      await client.pexpire(this.#group(group), MOST_KEPT_MS);
    }
  }

  async #writeHead(written: Written): Promise<void> {
    const { client } = this.#options;
    const { resource, partition, selecting } = written.record;
    const index = this.#index(resource, partition);
    await client.hset(index, hashOf(selecting), JSON.stringify(written));
    await client.pexpire(index, MOST_KEPT_MS);
  }

  #entry(written: Written, body: Buffer): Entry {
    const { clock } = this.#options;
    const { record } = written;
    const awayMs = clock.now() - record.cameAtMs;
    // Clocks of machines that differ can't tell how old it is.
    const ageMs = awayMs < 0 ? Infinity : record.initialAgeMs + awayMs;
    const entry = new Entry(
      record,
      written.bodyBytes,
      ({ from, to }) => body.subarray(from, to),
      ageMs,
      clock.monotonic(),
    );
    this.#written.set(entry, written);
    return entry;
  }

  async #scanned(pattern: string, most = Infinity): Promise<string[]> {
    const keys: string[] = [];
    let cursor = '0';
    do {
      const [next, some] = await this.#options.client.scan(cursor, 'MATCH', pattern, 'COUNT', SCANNED);
      keys.push(...some);
      cursor = next;
    } while (cursor !== '0' && keys.length < most);
    return [...new Set(keys)];
  }

  get #isDown(): boolean {
    return this.#options.clock.monotonic() < this.#downUntilMs;
  }

  /** What Redis says in time; `undefined` when it doesn't, and then nobody asks it for a while. */
  async #patiently<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#isDown) return undefined;
    const { clock } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = clock.setTimer(PATIENCE_MS, () =>
      late.reject(new RangeError(`Redis said nothing for ${PATIENCE_MS} ms.`)),
    );
    try {
      return await Promise.race([work(), late.promise]);
    } catch (error) {
      this.#failures += 1;
      if (!this.#isDown) this.#options.failed(error);
      this.#downUntilMs = clock.monotonic() + PAUSE_MS;
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  /** Somebody wants to know whether it was done. */
  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#failures += 1;
      this.#options.failed(error);
      const help = 'Some may have been forgotten; do it again when Redis is there.';
      throw new FairleadError('unavailable', 'UNAVAILABLE', `Redis did not do it. ${help}`, { cause: error });
    }
  }

  #index(resource: string, partition: string): string {
    return `${this.#options.prefix}i:${hashOf([resource, partition])}`;
  }

  #body(id: string): string {
    return `${this.#options.prefix}b:${id}`;
  }

  #group(query: Group): string {
    const name = query.kind === 'tag' ? ['tag', query.tag] : ['resource', query.resource];
    return `${this.#options.prefix}g:${hashOf(name)}`;
  }

  #reserve(bytes: number): boolean {
    if (this.#waitingBytes + bytes > this.#options.maxWaitingBytes) return false;
    this.#waitingBytes += bytes;
    return true;
  }

  #release(bytes: number): void {
    this.#waitingBytes -= bytes;
  }
}

function readWritten(text: string): Written {
  // `as`: nobody else writes under this prefix.
  return JSON.parse(text) as Written;
}

function isMeant({ resource, tags }: AnswerRecord, query: PurgeQuery): boolean {
  if (query.kind === 'all') return true;
  return query.kind === 'tag' ? tags.includes(query.tag) : resource === query.resource;
}

function keptMs({ lifetimeMs, initialAgeMs }: AnswerRecord): number {
  return Math.min(MOST_KEPT_MS, Math.max(0, Math.ceil(lifetimeMs - initialAgeMs)) + CONFIRMABLE_MS);
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}
