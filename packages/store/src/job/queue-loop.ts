import { backoff, realTurn, uuidV7, type Context, type FairleadError } from '@fairlead/core';
import { Wakeup } from '../wake/wakeup.ts';
import { claimedJob, inTurn, type ClaimedJob, type ExchangeNews, type ExchangeRow } from './claimed-job.ts';
import { FairAccounts, type Charge } from './fair-accounts.ts';
import { JointClaims, type EndedClaims } from './joint-claims.ts';
import { Lanes } from './lanes.ts';
import { Origins } from './origins.ts';
import type { JobHandler, Queue } from './job-types.ts';
import { RunningJob, type JobGround, type Outcome } from './running-job.ts';
import { takesOf } from './takes.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import type { Standing } from '../lease/lease-types.ts';
import type { StoreTelemetry } from '../telemetry.ts';

const TAKE = keepPrepared(
  'select * from fairlead_job_take($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)',
);
const UNCLAIM = 'select fairlead_job_unclaim($1, $2, $3)';

/** How long one exchange may take. */
const EXCHANGE_MS = 15_000;
/** How long a statement that was given up may still take effect on the server. */
const DOUBT_MS = 2 * EXCHANGE_MS;
/** From how many jobs on a claim is one row, instead of a new version of each job's: there its own row costs less. */
const MANY = 8;
/** How long jobs may take lately for that: those of a claim that lasts are written one by one after all. */
const MANY_USUAL_MS = 100;
const RETRY = { baseMs: 100, maxMs: 5_000 } as const;

/** What a loop works with. */
export interface LoopGround extends JobGround {
  readonly background: Context;
  readonly telemetry: StoreTelemetry;
  standing(ctx: Context): Promise<Standing>;
}

/** A job that is begun, and its account. */
interface Begun {
  readonly job: RunningJob;
  readonly charge: Charge;
  readonly startedMs: number;
  readonly standing: Standing;
}

/** A job that is not begun yet. */
interface Waiting {
  readonly claimed: ClaimedJob;
  readonly claim: string;
  readonly charge: Charge;
  readonly standing: Standing;
}

/** An outcome on its way. */
interface Settled {
  readonly id: string;
  readonly token: number;
  readonly claim: string;
  readonly outcome: Exclude<Outcome, { readonly kind: 'completed' | 'lost' }>;
}

/**
 * One worker's part in one queue. There is at most one statement under way: it tells what became of jobs and claims
 * others; what settles meanwhile goes with the next. So the batches are as large as the load asks for.
 */
export class QueueLoop {
  readonly #ground: LoopGround;
  readonly #queue: Queue<unknown>;
  readonly #handler: JobHandler<unknown>;
  readonly #bell = new Wakeup();
  readonly #accounts: FairAccounts;
  readonly #lanes = new Lanes();
  readonly #claims = new JointClaims();
  readonly #begun = new Map<string, Begun>();
  /** Settle with the handlers, the outcomes of which may have been told before. */
  readonly #handlers = new Set<Promise<void>>();
  readonly #backoff: ReturnType<typeof backoff>;
  /** Claims whose answers were lost, the holder they were made for, and until when they may appear. */
  readonly #doubtful = new Map<string, { readonly holder: string; readonly untilMs: number }>();
  #waiting: Waiting[] = [];
  #settled: Settled[] = [];
  /** Grows with every sign that there may be jobs. */
  #signs = 1;
  #seenSigns = 0;
  /** When to look again, by the monotonic clock, whatever the signs. */
  #lookAtMs = Infinity;
  #after = '';
  /** The lowest transaction that may have a claim. */
  #low: string | null = null;
  #failures = 0;
  /** The life of the latest holder that jobs were claimed for. */
  #watched: AbortSignal | undefined;
  #claiming = true;
  #running: Promise<void>;

  constructor(ground: LoopGround, queue: Queue<unknown>, handler: JobHandler<unknown>) {
    this.#ground = ground;
    this.#queue = queue;
    this.#handler = handler;
    this.#accounts = new FairAccounts(queue.options.weightOf);
    this.#backoff = backoff({ ...RETRY, random: ground.random });
    this.#running = this.#run();
  }

  get name(): string {
    return this.#queue.name;
  }
  get running(): number {
    return this.#handlers.size;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  /** There may be jobs. */
  wake(): void {
    this.#signs += 1;
    this.#lanes.news();
    this.#bell.ring();
  }

  /** There will be jobs then. */
  wakeIn(delayMs: number): void {
    const atMs = this.#ground.clock.monotonic() + Math.max(0, delayMs);
    if (atMs >= this.#lookAtMs) return;
    this.#lookAtMs = atMs;
    this.#bell.ring();
  }

  /** Ends those of these jobs that run here. */
  cancel(ids: ReadonlySet<string>, reason: FairleadError): void {
    for (const id of ids) this.#begun.get(id)?.job.end('cancelled', reason);
    const kept = this.#waiting.filter(({ claimed }) => !ids.has(claimed.id));
    for (const waiting of this.#waiting) if (!kept.includes(waiting)) this.#drop(waiting, { kind: 'cancelled' });
    this.#waiting = kept;
  }

  /** Claims no more and gives back what is not begun. */
  stop(): void {
    this.#claiming = false;
    for (const waiting of this.#waiting.splice(0)) this.#drop(waiting, { kind: 'release' });
    this.#bell.ring();
  }

  /** Ends what runs. */
  end(reason: FairleadError): void {
    for (const { job } of this.#begun.values()) job.end('release', reason);
  }

  /** Resolves when all handlers have settled. */
  async idle(): Promise<void> {
    while (this.#handlers.size > 0) await Promise.all(this.#handlers);
  }

  /** Tells what is left to tell, and ends. After `stop`. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#bell.ring();
    await this.#running;
  }
  #finishing = false;

  async #run(): Promise<void> {
    const { clock } = this.#ground;
    for (;;) {
      if (!this.#due()) {
        if (this.#finishing) return;
        const atMs = Math.min(this.#lookAtMs, this.#claims.dueAtMs);
        await this.#bell.sleep(clock, Math.max(0, atMs - clock.monotonic()));
        continue;
      }
      // What is about to settle may come along.
      await realTurn();
      const failed = await this.#exchange();
      if (!failed) {
        this.#failures = 0;
        continue;
      }
      this.#failures += 1;
      // What is not told by now returns when the holder is gone.
      if (this.#finishing && this.#failures > 1) return;
      await clock.sleep(this.#backoff.delayFor(this.#failures), this.#ground.background.signal).catch(() => {});
    }
  }

  #due(): boolean {
    if (this.#settled.length > 0 || (this.#finishing && this.#claims.untold)) return true;
    const nowMs = this.#ground.clock.monotonic();
    if (this.#claims.dueAtMs <= nowMs) return true;
    if (this.#room() <= 0) return false;
    return this.#signs !== this.#seenSigns || this.#lookAtMs <= nowMs;
  }

  #room(): number {
    const { concurrency, prefetch } = this.#queue.options;
    return this.#claiming ? concurrency + prefetch - this.#handlers.size - this.#waiting.length : 0;
  }

  /** True when it failed. */
  async #exchange(): Promise<boolean> {
    const { background, clock, database, telemetry } = this.#ground;
    const settled = this.#settled;
    this.#settled = [];
    const ended = this.#claims.take(clock.monotonic());
    const claim = uuidV7(this.#ground);
    const signs = this.#signs;
    let standing: Standing | undefined;
    try {
      using ctx = background.withTimeout(EXCHANGE_MS);
      standing = await this.#ground.standing(ctx);
      await this.#unclaim(ctx, standing);
      const room = this.#room();
      this.#lookAtMs = Infinity;
      const sentMs = clock.monotonic();
      const params = this.#params(standing, claim, settled, ended, room);
      const { rows } = await database.query<ExchangeRow>(ctx, TAKE, params);
      this.#take(rows, standing, claim, room, signs, sentMs);
      return false;
    } catch (error) {
      this.#settled = [...settled, ...this.#settled];
      this.#claims.keep(ended);
      if (standing !== undefined)
        this.#doubtful.set(claim, { holder: standing.id, untilMs: clock.monotonic() + DOUBT_MS });
      if (!background.signal.aborted)
        telemetry.log.warn(undefined, `${database.name}: jobs of ${this.name} could not be exchanged; trying again`, {
          error,
        });
      return true;
    }
  }

  #params(
    standing: Standing,
    claim: string,
    settled: readonly Settled[],
    ended: EndedClaims,
    room: number,
  ): readonly unknown[] {
    const { options } = this.#queue;
    const done = settled.filter(({ claim: each, outcome }) => outcome.kind === 'done' && !ended.whole.has(each));
    const others = settled.filter(({ outcome }) => outcome.kind !== 'done');
    const nowMs = this.#ground.clock.monotonic();
    for (const { charge, startedMs } of this.#begun.values()) this.#accounts.longer(charge, nowMs - startedMs);
    const turns = this.#accounts.turns();
    const lanes = this.#lanes.known(nowMs);
    return [
      this.name,
      standing.id,
      claim,
      options.retentionMs,
      done.map(({ id }) => id),
      done.map(({ token }) => token),
      others.length === 0 ? null : JSON.stringify(others.map(({ id, token, outcome }) => ({ id, token, ...outcome }))),
      room,
      this.#after,
      turns.tenants,
      turns.starts,
      turns.costs,
      lanes?.tenants ?? null,
      lanes?.priorities ?? null,
      lanes?.seqs ?? null,
      options.maxRunning ?? null,
      options.rate?.limit ?? null,
      options.rate?.perMs ?? null,
      // With a limit for each tenant only the statement knows.
      lanes === undefined || options.maxRunning !== undefined ? null : takesOf(lanes.tenants, turns, room),
      this.#accounts.usualMs <= MANY_USUAL_MS ? MANY : null,
      [...ended.whole],
      ended.over,
      ended.slow,
      this.#low,
    ];
  }

  #take(
    rows: readonly ExchangeRow[],
    standing: Standing,
    claim: string,
    room: number,
    signs: number,
    sentMs: number,
  ): void {
    // Written by the function in the last row, whatever else it answers.
    const news = JSON.parse(rows.at(-1)?.o_origin ?? '{"tenants":[]}') as ExchangeNews;
    const jobs: ClaimedJob[] = [];
    const origins = new Origins();
    for (const row of rows) if (row.o_id !== null) jobs.push(claimedJob(row, row.o_id, origins, sentMs));
    if (jobs.length < room) this.#seenSigns = signs;
    if (typeof news.waitMs === 'number') {
      this.#seenSigns = signs;
      this.wakeIn(news.waitMs);
    }
    if (typeof news.dueMs === 'number') this.wakeIn(news.dueMs);
    this.#after = news.after ?? '';
    this.#low = news.low ?? this.#low;
    const nowMs = this.#ground.clock.monotonic();
    if (news.many) this.#claims.began(claim, jobs.length, nowMs);
    if (room > 0 && news.looked) this.#lanes.looked(jobs.length < room ? [] : news.tenants, nowMs, nowMs - sentMs);
    else if (room > 0) this.#lanes.passed(nowMs - sentMs);
    if (room > 0) this.#accounts.seen(news.looked ? news.tenants : this.#lanes.tenants);
    if (jobs.length < room && news.waitMs === null) this.#accounts.drained();
    for (const claimed of inTurn(jobs)) {
      this.#lanes.took(claimed);
      this.#waiting.push({ claimed, claim, standing, charge: this.#accounts.charge(claimed.tenant) });
    }
    if (!this.#claiming) this.stop();
    this.#watch(standing);
    this.#begin();
  }

  /** Ends what runs under a holder when its life ends. One listener for all its jobs. */
  #watch(standing: Standing): void {
    if (this.#watched === standing.signal || standing.signal.aborted) return;
    this.#watched = standing.signal;
    const onLost = (): void => {
      for (const begun of this.#begun.values())
        // The signal's reason is the end of a holder's life.
        if (begun.standing.signal === standing.signal) begun.job.end('lost', standing.signal.reason as FairleadError);
    };
    standing.signal.addEventListener('abort', onLost, { once: true });
  }

  #begin(): void {
    while (this.#handlers.size < this.#queue.options.concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.standing.signal.aborted) this.#drop(next, { kind: 'release' });
      else this.#start(next);
    }
  }

  #start({ claimed, claim, charge, standing }: Waiting): void {
    const { clock } = this.#ground;
    const job = new RunningJob(this.#ground, this.#queue, claimed);
    const startedMs = clock.monotonic();
    this.#begun.set(claimed.id, { job, charge, startedMs, standing });
    const handling = job
      .run(this.#handler, (outcome) => {
        this.#begun.delete(claimed.id);
        const nowMs = clock.monotonic();
        this.#accounts.settle(charge, nowMs - startedMs);
        if (outcome.kind === 'lost') this.#claims.lost(claim);
        else this.#claims.ended(claim, outcome.kind === 'done', nowMs);
        if (outcome.kind !== 'completed' && outcome.kind !== 'lost')
          this.#settled.push({ id: claimed.id, token: claimed.token, claim, outcome });
        if (outcome.kind === 'retry') this.wakeIn(outcome.delayMs);
        this.#bell.ring();
      })
      .then(() => {
        this.#handlers.delete(handling);
        // A completed one may have let the next of its key go.
        if (claimed.key !== undefined) this.#signs += 1;
        this.#begin();
        this.#bell.ring();
      });
    this.#handlers.add(handling);
  }

  #drop({ claimed, claim, charge }: Waiting, outcome: { readonly kind: 'release' | 'cancelled' }): void {
    this.#accounts.settle(charge, undefined);
    this.#claims.ended(claim, false, this.#ground.clock.monotonic());
    this.#settled.push({ id: claimed.id, token: claimed.token, claim, outcome });
    this.#bell.ring();
  }

  /** Gives back what may have been claimed without our knowing. */
  async #unclaim(ctx: Context, standing: Standing): Promise<void> {
    const nowMs = this.#ground.clock.monotonic();
    for (const [claim, { holder, untilMs }] of this.#doubtful)
      if (holder !== standing.id || untilMs < nowMs) this.#doubtful.delete(claim);
    if (this.#doubtful.size === 0) return;
    await this.#ground.database.query(ctx, UNCLAIM, [this.name, standing.id, [...this.#doubtful.keys()]]);
    // Until none of them can appear any more.
    this.wakeIn(EXCHANGE_MS);
  }
}
