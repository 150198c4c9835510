/*
 * Leases: rights that end by themselves. Around this file:
 *   lease-types.ts   what callers see              lease-options.ts   what leases takes
 *   held-lease.ts    one lease: guard and release  holder-life.ts     the row that is renewed, and its deadline
 *   election.ts      leading, again and again      lease-watch.ts     what others hold, in one statement
 *   shards.ts        sharing numbered work         schedule.ts        doing what is due, once; rhythm.ts says when
 */
import {
  createContext,
  uuidV7,
  type Closeable,
  type CloseOptions,
  type Context,
  type ScopedContext,
} from '@fairlead/core';
import { LeaseElection, type ElectionGround } from './election.ts';
import { fail } from '../errors.ts';
import { HeldLease, type LeaseOwner } from './held-lease.ts';
import { HolderLife } from './holder-life.ts';
import { resolveLeasesOptions, type ResolvedLeasesOptions } from './lease-options.ts';
import type {
  AcquireResult,
  Election,
  LeadFunction,
  Leases,
  LeasesOptions,
  ScheduleFunction,
  ScheduleOptions,
  ShardFunction,
  Shards,
  Standing,
} from './lease-types.ts';
import { LeaseWatch } from './lease-watch.ts';
import { resolveSchedule, schedule } from './schedule.ts';
import { LeaseShards } from './shards.ts';

/**
 * The leases of one process. Connects at the first `acquire`; from then on one statement each `renewEveryMs` renews all of
 * them, however many there are, until `close`.
 *
 * What goes wrong, and what then happens:
 * - *This process stands still* (SIGSTOP, garbage collection, a suspended machine). Others take over after `ttlMs`. It
 *   wakes up in the middle of a line and may run on before a timer fires: `guard` refuses its old token. A suspended
 *   machine may also stop the monotonic clock; then `signal` aborts with the next renewal, not before.
 * - *Partition*. `signal` aborts `ttlMs` after the last renewal that was answered was sent; the database frees the lease
 *   no earlier than that.
 * - *A renewal's answer is lost*. The next one is sent `renewEveryMs` later on. If none is answered, the right ends here
 *   although the database counts it as ours for up to another `ttlMs`; nobody has it in between.
 * - *The database's clock jumps forward* by more than is left: others may take over although this process is well. It learns
 *   of it with its next renewal, or at once from `guard`. If nobody wanted a lease, nothing is lost.
 * - *The database's clock jumps back*. The leases of a holder that has died stay taken for as much longer. Tokens
 *   grow all the same.
 * - *This process' wall clock jumps*. Nothing: only its monotonic clock is used.
 * - *The database is restored*. All holders have ended; tokens go on above the time in milliseconds.
 *
 * After *C. Gray, D. Cheriton: Leases (SOSP 1989)*; tokens as in *M. Burrows: The Chubby lock service (OSDI 2006)*.
 * @throws MISCONFIGURED
 */
export function leases(options: LeasesOptions): Leases {
  return new ProcessLeases(resolveLeasesOptions(options));
}

/** Rows of fairlead_lease_acquire. */
type Answer = {
  readonly state: 'held' | 'taken' | 'ended';
  readonly token: string | null;
  readonly taken_by: string | null;
  readonly taken_until: Date | null;
  readonly remaining_ms: number | null;
};

const ACQUIRE = 'select * from fairlead_lease_acquire($1, $2, $3)';
const RELEASE = 'update fairlead_lease set holder = null where name = $1 and acquisition = $2 and holder = $3';
/** Leaves out what is locked: renewals come after it, and no guard may hold them up. */
const RELEASE_DOUBTFUL = `update fairlead_lease set holder = null where name in (
  select name from fairlead_lease where holder = $1 and acquisition = any($2) for no key update skip locked)`;

const MAX_SHARDS = 1_024;

/** How much longer than its deadline a statement may run on the server, in milliseconds. */
const SERVER_SLACK_MS = 2_000;

class ProcessLeases implements Leases, LeaseOwner {
  readonly #options: ResolvedLeasesOptions;
  readonly #background: ScopedContext;
  readonly #held = new Map<string, HeldLease>();
  readonly #asking = new Set<string>();
  /** Acquisitions that may exist in the database although nobody here knows, and until when that is so. */
  readonly #doubtful = new Map<string, number>();
  readonly #groups = new Set<string>();
  readonly #campaigns = new Set<string>();
  readonly #parts = new Set<Closeable>();
  readonly #watch: LeaseWatch;
  #life: HolderLife | undefined;
  #beginning: Promise<HolderLife> | undefined;
  #clearing = false;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedLeasesOptions) {
    this.#options = options;
    this.#background = createContext({ clock: options.clock, random: options.random });
    this.#watch = new LeaseWatch(options, this.#background, () => this.#alive(this.#background));
  }

  async acquire(ctx: Context, name: string): Promise<AcquireResult> {
    checkName(name);
    ctx.throwIfAborted();
    if (this.#held.has(name) || this.#asking.has(name)) return this.#takenByUs();
    this.#asking.add(name);
    try {
      using scope = ctx.withTimeout(this.#options.ttlMs);
      return await this.#acquire(scope, name);
    } finally {
      this.#asking.delete(name);
    }
  }

  standing(ctx: Context): Promise<Standing> {
    return this.#alive(ctx);
  }

  lead(name: string, fn: LeadFunction): Election {
    checkName(name);
    this.#mustBeOpen();
    if (this.#campaigns.has(name))
      throw fail(
        'LEASE_INVALID',
        `This process campaigns for "${name}" already. Close that first, or use another name.`,
      );
    this.#campaigns.add(name);
    const election = new LeaseElection(this.#ground(), name, fn);
    this.#parts.add(election);
    return election;
  }

  shards(name: string, count: number, fn: ShardFunction): Shards {
    checkName(name);
    this.#mustBeOpen();
    if (!Number.isSafeInteger(count) || count < 1 || count > MAX_SHARDS)
      throw fail('LEASE_INVALID', `"${name}": ${count} shards; give a whole number from 1 to ${MAX_SHARDS}.`);
    if (this.#groups.has(name))
      throw fail('LEASE_INVALID', `"${name}": this process takes part already. Close that first, or use another name.`);
    this.#groups.add(name);
    const ground = {
      watch: this.#watch,
      selfId: () => (this.#life?.alive() === true ? this.#life.id : undefined),
      lead: (shard: string, lead: LeadFunction) => this.lead(shard, lead),
      onEnd: (ended: Closeable) => {
        this.#groups.delete(name);
        this.#parts.delete(ended);
      },
    };
    const shards = new LeaseShards(ground, name, count, fn);
    this.#parts.add(shards);
    return shards;
  }

  schedule(name: string, options: ScheduleOptions, fn: ScheduleFunction): Election {
    return this.lead(name, schedule(this.#options, name, resolveSchedule(name, options), fn));
  }

  async free(ctx: Context, lease: HeldLease): Promise<void> {
    const { database } = this.#options;
    try {
      using scope = ctx.withTimeout(this.#options.ttlMs);
      await database.query(scope, RELEASE, [lease.name, lease.acquisition, lease.life.id]);
    } catch (error) {
      this.#doubt(lease.acquisition);
      throw error;
    } finally {
      this.#forget(lease);
    }
  }

  refused(lease: HeldLease): void {
    this.#forget(lease);
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.graceMs ?? 5_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #acquire(ctx: Context, name: string): Promise<AcquireResult> {
    for (;;) {
      const life = await this.#alive(ctx);
      const acquisition = uuidV7(this.#options);
      const answer = await this.#ask(ctx, name, life, acquisition);
      if (answer?.state === 'taken') {
        return {
          kind: 'taken',
          by: answer.taken_by ?? '',
          until: answer.taken_until?.getTime() ?? 0,
          retryAfterMs: answer.remaining_ms ?? 0,
        };
      }
      if (answer?.state === 'ended') life.end(`the leases of ${this.#options.holder} were taken over`);
      if (answer?.state !== 'held' || !life.alive()) continue;
      const token = BigInt(answer.token ?? 0);
      const lease = new HeldLease({ name, token, acquisition, life }, this);
      this.#held.set(name, lease);
      return { kind: 'held', lease };
    }
  }

  async #ask(ctx: Context, name: string, life: HolderLife, acquisition: string): Promise<Answer | undefined> {
    try {
      const { rows } = await this.#options.database.query<Answer>(ctx, ACQUIRE, [name, life.id, acquisition]);
      return rows[0];
    } catch (error) {
      this.#doubt(acquisition);
      throw error;
    }
  }

  /** The life that leases are acquired under; a new one when there is none or it has ended. */
  async #alive(ctx: Context): Promise<HolderLife> {
    ctx.throwIfAborted();
    this.#mustBeOpen();
    if (this.#life?.alive() === true) return this.#life;
    this.#beginning ??= this.#begin().finally(() => (this.#beginning = undefined));
    return untilEnd(ctx, this.#beginning);
  }

  async #begin(): Promise<HolderLife> {
    const life: HolderLife = new HolderLife(this.#options, this.#background, this.#groups, {
      onRenewed: () => void this.#clear(life),
      onEnd: (reason) => {
        this.#doubtful.clear();
        for (const lease of this.#held.values()) {
          if (lease.life !== life) continue;
          this.#held.delete(lease.name);
          lease.end(reason);
        }
      },
    });
    await life.begin();
    this.#life = life;
    return life;
  }

  #ground(): ElectionGround {
    return {
      options: this.#options,
      background: this.#background,
      watch: this.#watch,
      acquire: (ctx, name) => this.acquire(ctx, name),
      onEnd: (election) => {
        this.#campaigns.delete(election.name);
        this.#parts.delete(election);
      },
    };
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined)
      throw fail('LEASES_CLOSED', `The leases of ${this.#options.holder} were closed; nothing is acquired any more.`);
  }

  #takenByUs(): AcquireResult {
    const retryAfterMs = this.#life?.remainingMs() ?? 0;
    return {
      kind: 'taken',
      by: this.#options.holder,
      until: this.#options.clock.now() + retryAfterMs,
      retryAfterMs,
    };
  }

  #forget(lease: HeldLease): void {
    if (this.#held.get(lease.name) === lease) this.#held.delete(lease.name);
  }

  /** Remembers an acquisition to undo for as long as a statement that was given up may still take effect. */
  #doubt(acquisition: string): void {
    const { clock, ttlMs } = this.#options;
    this.#doubtful.set(acquisition, clock.monotonic() + 2 * (ttlMs + SERVER_SLACK_MS));
  }

  /** Frees what may have been acquired without our knowing. Never rejects. */
  async #clear(life: HolderLife): Promise<void> {
    if (this.#doubtful.size === 0 || this.#clearing) return;
    const { clock, database, renewEveryMs } = this.#options;
    const startedMs = clock.monotonic();
    const acquisitions = [...this.#doubtful.keys()];
    this.#clearing = true;
    try {
      using ctx = this.#background.withTimeout(renewEveryMs);
      await database.query(ctx, RELEASE_DOUBTFUL, [life.id, acquisitions]);
      for (const [acquisition, untilMs] of this.#doubtful) if (untilMs < startedMs) this.#doubtful.delete(acquisition);
    } catch {
      // The next renewal tries again.
    } finally {
      this.#clearing = false;
    }
  }

  async #close(graceMs: number): Promise<void> {
    const { database, holder, telemetry } = this.#options;
    const ended = await Promise.allSettled([...this.#parts].map((part) => part.close({ graceMs })));
    // Whoever has not stopped keeps what it has until that lapses.
    const stopped = ended.every(({ status }) => status === 'fulfilled');
    const life = this.#life ?? (await this.#beginning?.catch(() => undefined));
    life?.end(`the leases of ${holder} were closed`);
    try {
      using ctx = this.#background.withTimeout(graceMs);
      if (graceMs > 0 && stopped) await life?.delete(ctx);
    } catch (error) {
      telemetry.log.warn(undefined, `${database.name}: the leases of ${holder} could not be freed; they lapse`, {
        error,
      });
    } finally {
      this.#background.cancel();
      this.#background[Symbol.dispose]();
    }
  }
}

function checkName(name: string): void {
  if (name === '' || name.includes('\0'))
    throw fail('LEASE_INVALID', `A lease can't be called ${JSON.stringify(name)}: give a name without NUL.`);
}

/** Settles with `work`, or with the Context's reason as soon as it ends. */
function untilEnd<T>(ctx: Context, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = ctx.onEnd(reject);
    work.then(resolve, reject).finally(stop);
  });
}
