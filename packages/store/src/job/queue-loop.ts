import { backoff, realTurn, uuidV7, type Context, type FairleadError, type ScopedContext } from '@fairlead/core';
import { loopContext } from '../wake/loop-context.ts';
import { Wakeup } from '../wake/wakeup.ts';
import { claimedJob, inTurn, type ClaimedJob, type ExchangeNews, type ExchangeRow } from './claimed-job.ts';
import { FairAccounts } from './fair-accounts.ts';
import { Lanes } from './lanes.ts';
import { Origins } from './origins.ts';
import { letsGo, NO_REPORT, Outcomes, reportParams, type Report } from './outcomes.ts';
import type { JobHandler, Queue } from './job-types.ts';
import type { JobGround, Outcome } from './running-job.ts';
import { Seat, type Waiting } from './seat.ts';
import { takesOf } from './takes.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import type { Leases, Standing } from '../lease/lease-types.ts';
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
/** From how many jobs on what a statement costs by itself is little beside them: then two of half the size may be under way. */
const MUCH = 256;
const RETRY = { baseMs: 100, maxMs: 5_000 } as const;

/** What a loop works with. */
export interface LoopGround extends JobGround {
  readonly leases: Leases;
  readonly telemetry: StoreTelemetry;
}

/**
 * One queue in one process: claims jobs for all workers that share it, hands them out and tells what became of them. There is at
 * most one statement under way that claims and one that tells, mostly the same; what settles meanwhile goes with the next. So the
 * batches are as large as the load asks for.
 */
export class QueueLoop {
  readonly #ground: LoopGround;
  readonly #queue: Queue<unknown>;
  readonly #background: ScopedContext;
  readonly #bell = new Wakeup();
  readonly #accounts: FairAccounts;
  readonly #lanes = new Lanes();
  readonly #outcomes = new Outcomes();
  readonly #seats = new Set<Seat>();
  readonly #backoff: ReturnType<typeof backoff>;
  /** Claims whose answers were lost, the holder they were made for, and until when they may appear. */
  readonly #doubtful = new Map<string, { readonly holder: string; readonly untilMs: number }>();
  #waiting: Waiting[] = [];
  /** Whether a statement that tells, and claims nothing, is under way. */
  #telling = false;
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
  #finishing = false;
  readonly #running: Promise<void>;

  constructor(ground: LoopGround, queue: Queue<unknown>) {
    this.#ground = ground;
    this.#queue = queue;
    this.#background = loopContext({ clock: ground.clock, random: ground.random });
    this.#accounts = new FairAccounts(queue.options.weightOf);
    this.#backoff = backoff({ ...RETRY, random: ground.random });
    this.#running = this.#run();
  }

  /** Whether all its workers have left. */
  get ended(): boolean {
    return this.#finishing;
  }

  /** Hands jobs to this handler, too. */
  join(handler: JobHandler<unknown>): Seat {
    const seat = new Seat(this.#ground, this.#queue, handler, {
      onOutcome: (job, outcome, tookMs) => this.#ended(job, outcome, tookMs),
      onFree: ({ key }) => {
        // A completed one may have let the next of its key go.
        if (key !== undefined) this.#signs += 1;
        this.#begin();
        this.#bell.ring();
      },
    });
    this.#seats.add(seat);
    this.wake();
    return seat;
  }

  /** Jobs at hand that are not begun. */
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
    for (const seat of this.#seats) seat.cancel(ids, reason);
    const gone = this.#waiting.filter(({ claimed }) => ids.has(claimed.id));
    this.#waiting = this.#waiting.filter(({ claimed }) => !ids.has(claimed.id));
    for (const waiting of gone) this.#ended(waiting, { kind: 'cancelled' }, undefined);
  }

  /** Claims no more for this one, and gives back what the others have no room for. */
  stop(seat: Seat): void {
    seat.open = false;
    this.#giveBack();
    this.#bell.ring();
  }

  /** Resolves when what became of its jobs is told, or `signal` aborts. After `stop`. The last one ends the loop. */
  async leave(seat: Seat, signal: AbortSignal): Promise<void> {
    this.#seats.delete(seat);
    const last = this.#seats.size === 0;
    this.#finishing ||= last;
    this.#bell.ring();
    const told = last ? this.#running : Promise.race([this.#outcomes.allTold(), this.#running]);
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => (last ? this.#background.cancel() : resolve());
    signal.addEventListener('abort', onAbort, { once: true });
    await Promise.race([told, aborted]);
    signal.removeEventListener('abort', onAbort);
  }

  async #run(): Promise<void> {
    const { clock } = this.#ground;
    let ahead = false;
    for (;;) {
      if (!ahead && !this.#due()) {
        if (this.#finishing && !this.#telling) break;
        await this.#bell.sleep(clock, Math.max(0, this.#dueAtMs() - clock.monotonic()));
        continue;
      }
      // What is about to settle may come along.
      if (!ahead) await realTurn();
      if (ahead && !this.#telling && this.#outcomes.untold >= MUCH) void this.#tell();
      const exchange = this.#exchange();
      // They are on their way then: the server works while these do.
      if (ahead) await realTurn();
      this.#begin();
      const failed = await exchange;
      ahead = !failed && this.#runsAhead();
      if (!ahead) this.#begin();
      if (!failed) {
        this.#failures = 0;
        continue;
      }
      this.#failures += 1;
      // What is not told by now returns when the holder is gone.
      if (this.#finishing && this.#failures > 1) break;
      await clock.sleep(this.#backoff.delayFor(this.#failures), this.#background.signal).catch(() => {});
    }
    this.#background[Symbol.dispose]();
  }

  #due(): boolean {
    const nowMs = this.#ground.clock.monotonic();
    if (!this.#telling && this.#outcomes.dueAtMs <= nowMs) return true;
    if (!this.#telling && this.#finishing && this.#outcomes.unfinished) return true;
    if (this.#room() <= 0) return false;
    return this.#signs !== this.#seenSigns || this.#lookAtMs <= nowMs;
  }

  /** When something is due, if nobody rings. */
  #dueAtMs(): number {
    const tellAtMs = this.#telling ? Infinity : this.#outcomes.dueAtMs;
    return this.#room() > 0 ? Math.min(tellAtMs, this.#lookAtMs) : tellAtMs;
  }

  /** Whether the next statement is sent before what was just claimed begins: there may be as many again, and room for them. */
  #runsAhead(): boolean {
    const claimed = this.#waiting.length;
    return claimed >= MUCH && this.#signs !== this.#seenSigns && this.#room() >= claimed;
  }

  /** How many more may be at hand; below 0 when a worker has left. */
  #room(): number {
    let room = this.#places() - this.#waiting.length;
    for (const seat of this.#seats) if (seat.open) room -= seat.running;
    return room;
  }

  /** How many may be at hand, begun or not. */
  #places(): number {
    const { concurrency, prefetch } = this.#queue.options;
    let places = 0;
    for (const seat of this.#seats) if (seat.open) places += concurrency + prefetch;
    return places;
  }

  /** How many are claimed at once: half of what may be at hand when that is much, so that the server works while these are done. */
  #want(): number {
    const room = this.#room();
    return Math.max(0, Math.min(room, Math.max(MUCH, Math.ceil(this.#places() / 2))));
  }

  /** Tells, beside the statement that claims: those that are done are no longer in its way. */
  async #tell(): Promise<void> {
    this.#telling = true;
    const report = this.#outcomes.take(this.#ground.clock.monotonic());
    const failed = await this.#send(report, () => 0);
    this.#telling = false;
    // The claim that was sent with it has not seen them.
    if (!failed && letsGo(report)) this.#signs += 1;
    this.#bell.ring();
  }

  /** Tells and claims; true when it failed. */
  #exchange(): Promise<boolean> {
    const report = this.#telling ? NO_REPORT : this.#outcomes.take(this.#ground.clock.monotonic());
    return this.#send(report, () => this.#want());
  }

  /** True when it failed. */
  async #send(report: Report, howMany: () => number): Promise<boolean> {
    const { clock, database, leases, telemetry } = this.#ground;
    const background = this.#background;
    const claim = uuidV7(this.#ground);
    const signs = this.#signs;
    let standing: Standing | undefined;
    let want = 0;
    try {
      using ctx = background.withTimeout(EXCHANGE_MS);
      standing = await leases.standing(ctx);
      await this.#unclaim(ctx, standing);
      want = howMany();
      if (want > 0) this.#lookAtMs = Infinity;
      const sentMs = clock.monotonic();
      const params = this.#params(standing, claim, report, want);
      const { rows } = await database.query<ExchangeRow>(ctx, TAKE, params);
      if (want > 0) this.#take(rows, standing, claim, want, signs, sentMs);
      this.#outcomes.told(report);
      return false;
    } catch (error) {
      this.#outcomes.keep(report);
      if (standing !== undefined && want > 0)
        this.#doubtful.set(claim, { holder: standing.id, untilMs: clock.monotonic() + DOUBT_MS });
      const message = `${database.name}: jobs of ${this.#queue.name} could not be exchanged; trying again`;
      if (!background.signal.aborted) telemetry.log.warn(undefined, message, { error });
      return true;
    }
  }

  #params(standing: Standing, claim: string, report: Report, want: number): readonly unknown[] {
    const { options } = this.#queue;
    const { ids, tokens, others } = reportParams(report);
    const nowMs = this.#ground.clock.monotonic();
    for (const seat of this.#seats) seat.elapsed(nowMs, (charge, ms) => this.#accounts.longer(charge, ms));
    const turns = this.#accounts.turns();
    const lanes = this.#lanes.known(nowMs);
    return [
      this.#queue.name,
      standing.id,
      claim,
      options.retentionMs,
      ids,
      tokens,
      others,
      want,
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
      lanes === undefined || options.maxRunning !== undefined ? null : takesOf(lanes.tenants, turns, want),
      this.#accounts.usualMs <= MANY_USUAL_MS ? MANY : null,
      [...report.claims.whole],
      report.claims.over,
      report.claims.slow,
      this.#low,
    ];
  }

  #take(
    rows: readonly ExchangeRow[],
    standing: Standing,
    claim: string,
    want: number,
    signs: number,
    sentMs: number,
  ): void {
    // Written by the function in the last row, whatever else it answers.
    const news = JSON.parse(rows.at(-1)?.o_origin ?? '{"tenants":[]}') as ExchangeNews;
    const jobs: ClaimedJob[] = [];
    const origins = new Origins();
    for (const row of rows) if (row.o_id !== null) jobs.push(claimedJob(row, row.o_id, origins, sentMs));
    if (jobs.length < want) this.#seenSigns = signs;
    if (typeof news.waitMs === 'number') {
      this.#seenSigns = signs;
      this.wakeIn(news.waitMs);
    }
    if (typeof news.dueMs === 'number') this.wakeIn(news.dueMs);
    this.#after = news.after ?? '';
    this.#low = news.low ?? this.#low;
    const nowMs = this.#ground.clock.monotonic();
    if (news.many) this.#outcomes.began(claim, jobs.length, nowMs);
    if (news.looked) this.#lanes.looked(jobs.length < want ? [] : news.tenants, nowMs, nowMs - sentMs);
    else this.#lanes.passed(nowMs - sentMs);
    this.#accounts.seen(news.looked ? news.tenants : this.#lanes.tenants);
    if (jobs.length < want && news.waitMs === null) this.#accounts.drained();
    for (const claimed of inTurn(jobs)) {
      this.#lanes.took(claimed);
      this.#waiting.push({ claimed, claim, standing, charge: this.#accounts.charge(claimed.tenant) });
    }
    this.#giveBack();
    this.#watch(standing);
  }

  /** Ends what runs under a holder when its life ends. One listener for all its jobs. */
  #watch(standing: Standing): void {
    const { signal } = standing;
    if (this.#watched === signal || signal.aborted) return;
    this.#watched = signal;
    const onLost = (): void => {
      for (const seat of this.#seats) seat.lose(signal);
    };
    signal.addEventListener('abort', onLost, { once: true });
  }

  /** Hands out what waits, to whom the least runs. */
  #begin(): void {
    while (this.#waiting.length > 0) {
      let freest: Seat | undefined;
      for (const seat of this.#seats) if (seat.free > (freest?.free ?? 0)) freest = seat;
      if (freest === undefined) return;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.standing.signal.aborted) this.#ended(next, { kind: 'release' }, undefined);
      else freest.begin(next);
    }
  }

  #ended({ claimed, claim, charge }: Waiting, outcome: Outcome, tookMs: number | undefined): void {
    this.#accounts.settle(charge, tookMs);
    this.#outcomes.ended(claimed, claim, outcome, this.#ground.clock.monotonic());
    if (outcome.kind === 'retry') this.wakeIn(outcome.delayMs);
    this.#bell.ring();
  }

  #giveBack(): void {
    const room = this.#room();
    if (room < 0)
      for (const waiting of this.#waiting.splice(room)) this.#ended(waiting, { kind: 'release' }, undefined);
  }

  /** Gives back what may have been claimed without our knowing. */
  async #unclaim(ctx: Context, standing: Standing): Promise<void> {
    const nowMs = this.#ground.clock.monotonic();
    for (const [claim, { holder, untilMs }] of this.#doubtful)
      if (holder !== standing.id || untilMs < nowMs) this.#doubtful.delete(claim);
    if (this.#doubtful.size === 0) return;
    await this.#ground.database.query(ctx, UNCLAIM, [this.#queue.name, standing.id, [...this.#doubtful.keys()]]);
    // Until none of them can appear any more.
    this.wakeIn(EXCHANGE_MS);
  }
}
