import { backoff, FairleadError, type Clock, type Context, type Random } from '@fairlead/core';
import { enqueue, type Database, type DocEntry, type PutResult, type Tx } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { SagaRecord } from './journal.ts';
import type { RunBody } from './run-body.ts';
import { alone, indexEntries, loadRun, SAGA_DOCS, sagaKeys, WAKE_QUEUE, type Wake } from './run-docs.ts';

/** What a run's document is written with. */
export interface HeldGround {
  /** Under the scope of all tenants. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly nowMs: () => number;
}

/** How it is written. */
export interface WriteOptions {
  /** Wakes a run when this has committed, in so many milliseconds by `fairlead.now()`. */
  readonly wake?: Wake & { readonly delayMs: number };
  /** Documents that are put if this is, and not otherwise. */
  readonly also?: readonly DocEntry[];
  /** From when on the run is forgotten. */
  readonly expiresInMs?: number;
}

/** A tail of the journal that is longer becomes a segment, so that a record costs the same however many came before. */
const MAX_TAIL_BYTES = 32 * 1024;
const WRITE_TIMEOUT_MS = 15_000;
const RETRY = { baseMs: 50, maxMs: 2_000 } as const;

/**
 * A run that this process has. Each write expects the version that the last one left: whoever took the run over meanwhile has
 * changed it, and then nothing is written any more.
 */
export class HeldRun {
  readonly #ground: HeldGround;
  readonly #ctx: Context;
  readonly #segments: string[];
  readonly #journal: readonly SagaRecord[];
  #body: RunBody;
  #version: number;
  #segmented: number;
  #tailBytes = 0;
  #measured: number;

  /** @param journal the whole of it, which grows elsewhere */
  constructor(
    ground: HeldGround,
    ctx: Context,
    run: { readonly body: RunBody; readonly version: number },
    journal: readonly SagaRecord[],
  ) {
    this.#ground = ground;
    this.#ctx = ctx;
    this.#journal = journal;
    this.#body = run.body;
    this.#version = run.version;
    this.#segments = [...run.body.segments];
    this.#segmented = run.body.segmented;
    this.#measured = run.body.segmented;
  }

  get body(): RunBody {
    return this.#body;
  }
  /** Records that are durable. */
  get recorded(): number {
    return this.#body.segmented + this.#body.journal.length;
  }

  /**
   * Writes what has changed and the whole journal. What may or may not have happened is found out and repeated.
   * @throws SAGA_LOST when somebody else has the run
   */
  async write(changes: Partial<RunBody>, options: WriteOptions = {}): Promise<void> {
    await this.#segment();
    const next = this.#next(changes);
    const waits = backoff({ ...RETRY, random: this.#ground.random });
    let doubtful = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        using ctx = this.#ctx.withTimeout(WRITE_TIMEOUT_MS);
        const put = await this.#put(ctx, next, options);
        this.#adopt(next, put.kind === 'put' ? put.version : await this.#own(ctx, next, doubtful));
        return;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (error.code !== 'DATABASE_UNAVAILABLE') doubtful = true;
        await this.#ground.clock.sleep(waits.delayFor(attempt), this.#ctx.signal);
      }
    }
  }

  /**
   * Writes it in a transaction, as its last statement. Resolves to what makes it known here, for when that has committed.
   * @throws SAGA_LOST
   */
  async writeIn(tx: Tx, changes: Partial<RunBody>): Promise<() => void> {
    const next = this.#next(changes);
    const put = await SAGA_DOCS.put(tx, this.#key, next, { expected: this.#version });
    if (put.kind === 'conflict') throw this.#lost();
    return () => this.#adopt(next, put.version);
  }

  /**
   * Whether what `writeIn` has sent, and whose commit nobody knows of, is there; makes it known here if so.
   * @throws SAGA_LOST
   */
  async hasCommitted(): Promise<boolean> {
    const { saga, id, seed, owner, writes } = this.#body;
    const found = await this.#insist(async () => {
      using ctx = this.#ctx.withTimeout(WRITE_TIMEOUT_MS);
      return await loadRun({ ctx, database: this.#ground.database }, saga, id);
    });
    if (found === undefined || found.body.seed !== seed || found.body.owner !== owner) throw this.#lost();
    if (found.body.writes !== writes + 1) return false;
    this.#adopt(found.body, found.version);
    return true;
  }

  get #key(): string {
    return sagaKeys.run(this.#body.saga, this.#body.id);
  }

  #next(changes: Partial<RunBody>): RunBody {
    const tail = this.#journal.slice(this.#segmented);
    const progress = this.#journal.length > this.recorded;
    return {
      ...this.#body,
      ...(progress && { takeovers: 0 }),
      ...changes,
      segments: [...this.#segments],
      segmented: this.#segmented,
      journal: tail,
      writes: this.#body.writes + 1,
      updatedAt: this.#ground.nowMs(),
    };
  }

  async #put(ctx: Context, next: RunBody, { wake, also = [], expiresInMs }: WriteOptions): Promise<PutResult> {
    const { database } = this.#ground;
    const entry = {
      key: this.#key,
      body: next,
      expected: this.#version,
      ...(expiresInMs !== undefined && { expiresInMs }),
    };
    const index = indexEntries(next, this.#body);
    if (wake === undefined && also.length === 0) {
      return alone(ctx, database, async (tx) => {
        if (index.length === 0) return SAGA_DOCS.put(tx, entry.key, next, entry);
        const [result] = await SAGA_DOCS.putMany(tx, [entry, ...index]);
        return result ?? { kind: 'conflict', actual: 0 };
      });
    }
    return database.tx(ctx, async (tx) => {
      const result = await SAGA_DOCS.put(tx, entry.key, next, entry);
      if (result.kind === 'conflict') return result;
      await SAGA_DOCS.putMany(tx, [...also, ...index]);
      if (wake !== undefined) {
        const { delayMs, ...what } = wake;
        await enqueue(tx, WAKE_QUEUE, what, { delayMs });
      }
      return result;
    });
  }

  /** The version of what is there, when it is what was written, by an attempt whose answer was lost. */
  async #own(ctx: Context, next: RunBody, doubtful: boolean): Promise<number> {
    const found = doubtful
      ? await loadRun({ ctx, database: this.#ground.database }, this.#body.saga, this.#body.id)
      : undefined;
    if (found === undefined || found.body.seed !== next.seed || found.body.writes !== next.writes) throw this.#lost();
    if (found.body.owner !== next.owner) throw this.#lost();
    return found.version;
  }

  #adopt(body: RunBody, version: number): void {
    this.#body = body;
    this.#version = version;
  }

  /** Moves what is durable already out of the document when it is much. */
  async #segment(): Promise<void> {
    for (; this.#measured < this.#journal.length; this.#measured += 1)
      this.#tailBytes += JSON.stringify(this.#journal[this.#measured]).length;
    if (this.#tailBytes <= MAX_TAIL_BYTES) return;
    const { owner, saga, id } = this.#body;
    const key = `${sagaKeys.segments(saga, id)}${String(this.#segments.length).padStart(6, '0')}-${owner ?? ''}`;
    using ctx = this.#ctx.withTimeout(WRITE_TIMEOUT_MS);
    const records = this.#journal.slice(this.#segmented);
    // Nobody reads it before the run names it. Written again by a repeat.
    await this.#insist(() => alone(ctx, this.#ground.database, (tx) => SAGA_DOCS.put(tx, key, records)));
    this.#segments.push(key);
    this.#segmented = this.#journal.length;
    this.#tailBytes = 0;
  }

  async #insist<T>(work: () => Promise<T>): Promise<T> {
    const waits = backoff({ ...RETRY, random: this.#ground.random });
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error)) throw error;
        await this.#ground.clock.sleep(waits.delayFor(attempt), this.#ctx.signal);
      }
    }
  }

  #lost(): Error {
    return fail(
      'SAGA_LOST',
      `${this.#body.saga} ${this.#body.id} is no longer this process': another one has it by now, or an operator has changed it. What was under way is undone or repeated there.`,
    );
  }
}

/** Whether a database says that it can't now. */
function isPassing(error: unknown): error is FairleadError {
  return error instanceof FairleadError && (error.kind === 'unavailable' || error.kind === 'deadline');
}
