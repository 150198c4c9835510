import { isError, type Closeable, type CloseOptions, type Context, type ScopedContext } from '@fairlead/core';
import {
  acrossTenants,
  enqueue,
  handle,
  loopContext,
  worker,
  type Database,
  type JobWorker,
  type Tx,
} from '@fairlead/store';
import { fail } from '../errors.ts';
import { ActiveRuns } from './active-runs.ts';
import { DatabaseTime } from './database-time.ts';
import { EndWatch } from './end-watch.ts';
import { newRun, startedBefore } from './new-run.ts';
import { OwnLife } from './own-life.ts';
import { hasEnded, isHeldUp, summaryOf, type ParentRun, type RunBody } from './run-body.ts';
import {
  alone,
  forgetLater,
  loadJournal,
  loadRun,
  SAGA_CHANNEL,
  SAGA_DOCS,
  sagaKeys,
  WAKE_QUEUE,
  type StoredRun,
  type Wake,
} from './run-docs.ts';
import { isAlive, type RunnerLife } from './runner-life.ts';
import type {
  AnySaga,
  CancelSagaResult,
  SagaOutcome,
  SagaSet,
  SagaSummary,
  SignalResult,
  StartResult,
} from './saga-types.ts';
import type { RunningSagas, SagasOptions } from './sagas-types.ts';
import { resolveSagasOptions, type ResolvedSagasOptions } from './sagas-options.ts';
import { checkSignal, inTx, runName, sendCancel, sendSignal } from './send-signal.ts';

const BACKGROUND_MS = 10_000;
const CLOSE_CUT_MS = 1_000;

/**
 * Runs the sagas of a service in this process, until closed. Begins at once.
 *
 * - *Steps*: at least once; once recorded, never again. *Transactions*: exactly once. What is done elsewhere is effectively
 *   once if whoever does it honours the idempotency key of the step's Context, and only then.
 * - *A process that dies* has its runs taken over by the others, or by its next start, when its lease has lapsed (`ttlMs`)
 *   and somebody has looked (`watchMs`). One that stood still and goes on can't record anything of a run that was taken over.
 * - *The database is away*: steps under way go on; nothing is begun until what came before is recorded.
 * - *A run that waits* for longer than `lingerMs` leaves the memory; a job or a signal brings it back.
 * - *Code that does not fit a journal* parks the run, with the difference; it goes on when somebody says so.
 * @throws MISCONFIGURED
 */
export function sagas<S extends SagaSet, Kit = unknown, T extends Tx = Tx>(
  options: SagasOptions<S, Kit, T>,
): RunningSagas<S> {
  // Inside, sagas are looked at as any; names and types were compared by the compiler.
  return new Engine(resolveSagasOptions(options)) as RunningSagas<SagaSet> as RunningSagas<S>;
}

class Engine implements RunningSagas<SagaSet> {
  readonly #options: ResolvedSagasOptions;
  readonly #byName = new Map<string, AnySaga>();
  readonly #wide: Database;
  readonly #background: ScopedContext;
  readonly #time: DatabaseTime;
  readonly #runs: ActiveRuns;
  readonly #life: OwnLife;
  readonly #ends = new EndWatch();
  readonly #errands = new Set<Promise<void>>();
  readonly #worker: JobWorker;
  readonly #listening: Promise<Closeable | undefined>;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedSagasOptions) {
    this.#options = options;
    const { clock, random, database, telemetry, leases, maxActive, watchMs } = options;
    this.#wide = acrossTenants(database);
    this.#background = loopContext({ clock, random });
    this.#time = new DatabaseTime(this.#wide, clock);
    for (const saga of Object.values(options.sagas)) this.#byName.set(saga.name, saga);
    const world = { database: this.#wide, clock, random, telemetry };
    this.#runs = new ActiveRuns({
      ...world,
      maxActive,
      activation: {
        ...options,
        wide: this.#wide,
        time: this.#time,
        startChild: (ctx, saga, id, input, parent) => this.#start(ctx, this.#known(saga.name), id, input, parent),
        cancelChild: async (ctx, saga, id) => {
          await this.#wide.tx(ctx, (tx) => sendCancel(tx, saga, id, 'the run that began it has ended'));
        },
        ended: (body, tenant) => this.#ends.tell(body, tenant),
      },
      onNews: (body, tenant) => this.#wakeSoon(body, tenant),
    });
    this.#life = new OwnLife({
      ...world,
      leases,
      watchMs,
      time: this.#time,
      background: this.#background,
      runs: this.#runs,
      takeUp: (ctx, life, run) => this.#takeOver(ctx, life, run),
    });
    this.#worker = worker({
      ...world,
      leases,
      queues: [handle(WAKE_QUEUE, (ctx, job) => this.#wake(ctx, job.payload))],
    });
    this.#listening = this.#listen();
  }

  get active(): number {
    return this.#runs.size;
  }

  async start(at: Tx | Context, name: string, id: string, input: unknown): Promise<StartResult> {
    return this.#start(at, this.#bySet(name), id, input, undefined);
  }

  async get(ctx: Context, name: string, id: string): Promise<SagaSummary | undefined> {
    const run = await loadRun({ ctx, database: this.#wide }, this.#bySet(name).name, id);
    return run && summaryOf(run.body, run.tenant);
  }

  async result(ctx: Context, name: string, id: string): Promise<SagaOutcome<never>> {
    return this.#ends.wait(ctx, this.#wide, this.#bySet(name).name, id, (run) => this.#runs.has(run));
  }

  async signal(
    at: Tx | Context,
    name: string,
    id: string,
    signal: string,
    data?: unknown,
    { dedupe }: { readonly dedupe?: string } = {},
  ): Promise<SignalResult> {
    const { name: saga, options } = this.#bySet(name);
    const what = { saga, id, name: signal, data, dedupe };
    checkSignal(what, options.maxPayloadBytes);
    return inTx(at, this.#wide, async (tx) => {
      tx.afterCommit(() => this.#runs.poke(runName(tx.ctx.tenant, saga, id)));
      return sendSignal(tx, what);
    });
  }

  async cancel(at: Tx | Context, name: string, id: string, reason = ''): Promise<CancelSagaResult> {
    const saga = this.#bySet(name).name;
    return inTx(at, this.#wide, async (tx) => {
      tx.afterCommit(() => this.#runs.poke(runName(tx.ctx.tenant, saga, id)));
      return sendCancel(tx, saga, id, reason);
    });
  }

  async query(ctx: Context, name: string, id: string): Promise<unknown> {
    const run = await loadRun({ ctx, database: this.#wide }, this.#bySet(name).name, id);
    return run?.body.state;
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.graceMs ?? 5_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #bySet(name: string): AnySaga {
    const found = Object.hasOwn(this.#options.sagas, name) ? this.#options.sagas[name] : undefined;
    if (found !== undefined) return found;
    throw fail('SAGA_INVALID', `There is no saga "${name}". There is ${Object.keys(this.#options.sagas).join(', ')}.`);
  }

  #known(name: string): AnySaga {
    const found = this.#byName.get(name);
    if (found !== undefined) return found;
    throw fail('SAGA_UNKNOWN', `The saga ${name} is not among those that this process runs; another one may have it.`);
  }

  async #start(
    at: Tx | Context,
    saga: AnySaga,
    id: string,
    input: unknown,
    parent: ParentRun | undefined,
  ): Promise<StartResult> {
    const { tenant } = 'query' in at ? at.ctx : at;
    const life = await this.#beginnerOf(at);
    const beginning = { id, input, parent, owner: life?.id ?? null, nowMs: this.#time.nowMs() };
    const body = newRun('query' in at ? at.ctx : at, saga, beginning);
    const entry = { key: sagaKeys.run(saga.name, id), body, expected: 'none' as const };
    if (life === undefined)
      return inTx(at, this.#wide, async (tx) => {
        const put = await SAGA_DOCS.put(tx, entry.key, body, entry);
        if (put.kind === 'conflict') return this.#before(tx, body);
        await enqueue(tx, WAKE_QUEUE, { saga: saga.name, id, why: 'news' });
        return { kind: 'started', id };
      });
    const slot = life.take({ saga: saga.name, id, tenant });
    const put = async (tx: Tx): Promise<StartResult> => {
      const [result] = await SAGA_DOCS.putMany(tx, [entry, life.entry(slot)]);
      if (result?.kind !== 'put') {
        life.giveBack(slot);
        return this.#before(tx, body);
      }
      tx.afterCommit(() => this.#runs.begin(life, slot, saga, { body, version: result.version, tenant }));
      return { kind: 'started', id };
    };
    return 'query' in at ? put(at) : alone(at, this.#wide, put);
  }

  /**
   * The life that a new run begins in; `undefined` when it begins in any that has room. Asks nothing of the database while the
   * caller has a transaction: that may have the last connection.
   */
  async #beginnerOf(at: Tx | Context): Promise<RunnerLife | undefined> {
    if (this.#closing !== undefined || !this.#runs.hasRoom) return undefined;
    if (!('query' in at)) {
      const life = await this.#life.get(at);
      await life.knows(at, at.tenant);
      return life;
    }
    const { tenant } = at.ctx;
    const life = this.#life.now;
    if (life?.isKnown(tenant) === true) return life;
    this.#errand('runs begin by way of the queue', async (ctx) => (await this.#life.get(ctx)).knows(ctx, tenant));
    return undefined;
  }

  async #before(tx: Tx, wanted: RunBody): Promise<StartResult> {
    const found = await loadRun(tx, wanted.saga, wanted.id);
    if (found !== undefined) return startedBefore(found, wanted);
    throw fail('SAGA_UNKNOWN', `${wanted.saga} ${wanted.id} has just been forgotten. Start it again.`);
  }

  /** Brings a run back that nobody has. */
  async #wake(ctx: Context, { saga, id, why }: Wake): Promise<void> {
    const run = await loadRun({ ctx, database: this.#wide }, saga, id);
    if (run === undefined || isHeldUp(run.body.status)) return;
    const { body } = run;
    if (hasEnded(body.status)) {
      // A signal that nobody has taken.
      await forgetLater(ctx, this.#wide, body);
      return;
    }
    const name = runName(ctx.tenant, saga, id);
    const life = await this.#life.get(ctx);
    if (body.owner === life.id && this.#runs.has(name)) return this.#runs.poke(name);
    if (body.owner !== null && body.owner !== life.id && (await isAlive(ctx, this.#wide, body.owner)))
      return alone(ctx, this.#wide, async (tx) => tx.announce(SAGA_CHANNEL, name));
    if (why === 'time' && body.wakesAt !== undefined) {
      if (body.wakesAt > this.#time.nowMs()) await this.#time.refresh(ctx, true);
      // One of an earlier wait; this one has its own.
      if (body.wakesAt > this.#time.nowMs() + this.#options.lingerMs) return;
    }
    await this.#runs.room(ctx);
    await this.#takeOver(ctx, life, run);
  }

  /** Makes a run this process' own, unless somebody has changed it, and goes on with it. */
  async #takeOver(ctx: Context, life: RunnerLife, { body, version, tenant }: StoredRun): Promise<void> {
    const saga = this.#known(body.saga);
    await life.knows(ctx, tenant);
    const slot = life.take({ saga: body.saga, id: body.id, tenant });
    const next: RunBody = {
      ...body,
      owner: life.id,
      takeovers: body.takeovers + 1,
      status: body.status === 'waiting' ? 'running' : body.status,
      writes: body.writes + 1,
      wakesAt: undefined,
      updatedAt: this.#time.nowMs(),
    };
    const entry = { key: sagaKeys.run(body.saga, body.id), body: next, expected: version };
    await this.#runs.while(runName(tenant, body.saga, body.id), async () => {
      try {
        const journal = await loadJournal({ ctx, database: this.#wide }, body);
        const [put] = await alone(ctx, this.#wide, (tx) => SAGA_DOCS.putMany(tx, [entry, life.entry(slot)]));
        if (put?.kind === 'put')
          this.#runs.begin(life, slot, saga, { body: next, version: put.version, tenant }, journal);
        else life.giveBack(slot);
      } catch (error) {
        // If it happened, that is found out when the slot is looked after.
        if (!isError(error, 'COMMIT_UNKNOWN')) life.giveBack(slot);
        throw error;
      }
    });
  }

  #wakeSoon({ saga, id }: RunBody, tenant: string | undefined): void {
    this.#errand(`${saga} ${id} could not be woken; a signal waits`, async (ctx) => {
      await this.#wide.tx(ctx.derive({ tenant }), (tx) => enqueue(tx, WAKE_QUEUE, { saga, id, why: 'news' }));
    });
  }

  /** Does something that nobody waits for; says `otherwise` when it fails. */
  #errand(otherwise: string, work: (ctx: Context) => Promise<void>): void {
    const { clock, random, telemetry } = this.#options;
    const working = (async () => {
      using ctx = loopContext({ clock, random, timeoutMs: BACKGROUND_MS });
      await work(ctx).catch((error: unknown) => telemetry?.log.warn(ctx, otherwise, { error }));
    })().finally(() => this.#errands.delete(working));
    this.#errands.add(working);
  }

  async #listen(): Promise<Closeable | undefined> {
    try {
      return await this.#wide.listen(SAGA_CHANNEL, (name) => this.#runs.poke(name === '' ? undefined : name));
    } catch (error) {
      const message = `${this.#wide.name}: no news of sagas; looking by the clock`;
      this.#options.telemetry?.log.warn(undefined, message, { error });
      return undefined;
    }
  }

  async #close(graceMs: number): Promise<void> {
    await this.#life.stop();
    const left = this.#runs.leave();
    await this.#worker.close({ graceMs });
    if (!(await this.#within(left, graceMs))) {
      this.#runs.cut();
      await this.#within(left, CLOSE_CUT_MS);
    }
    await this.#within(Promise.all(this.#errands), CLOSE_CUT_MS);
    try {
      using ctx = this.#background.withTimeout(Math.max(graceMs, CLOSE_CUT_MS));
      await this.#life.end(ctx);
    } catch (error) {
      const message = `${this.#wide.name}: the sagas' lease could not be freed; it lapses`;
      this.#options.telemetry?.log.warn(undefined, message, { error });
    }
    const life = this.#life.now;
    if (life !== undefined) this.#runs.drop(life);
    this.#background.cancel();
    await (await this.#listening)?.close();
    this.#background[Symbol.dispose]();
  }

  /** Whether `work` has settled in that time. */
  async #within(work: Promise<unknown>, ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#options.clock.setTimer(ms, () => resolve(false));
    void work.then(() => resolve(true));
    const settled = await promise;
    timer.cancel();
    return settled;
  }
}
