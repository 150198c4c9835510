import { FairleadError, realTurn, type Context, type ScopedContext } from '@fairlead/core';
import { Wakeup } from '@fairlead/store';
import type { AttemptGround } from './attempts.ts';
import { Arrivals } from './arrivals.ts';
import { doCall } from './call-work.ts';
import { compensate } from './compensation.ts';
import { failureFrom, type Call, type Execution } from './execution.ts';
import type { HeldRun, WriteOptions } from './held-run.ts';
import type { SagaRecord } from './journal.ts';
import { Lane } from './lane.ts';
import type { ActivationGround, Happening, LiveRun } from './live-run.ts';
import { plainJson } from './payload.ts';
import type { Exposed, Failing, RunBody } from './run-body.ts';
import { forgetLater, tellParent } from './run-docs.ts';
import { sagaContext } from './saga-context.ts';
import type { AnySaga, SagaFailure, SagaStatus } from './saga-types.ts';

/**
 * A run while it is in this process' memory: replayed, gone on with, written, and left when it has ended or waits for long.
 *
 * The function goes on with an answer before that is durable; effects wait for it. So what is recorded travels with the
 * next thing that has to be written anyway: the end, a transaction step, or right before the next effect.
 */
export class Activation implements LiveRun {
  readonly saga: AnySaga;
  readonly held: HeldRun;
  readonly execution: Execution;
  readonly lane = new Lane();
  readonly ground: ActivationGround;
  readonly tenant: string | undefined;
  readonly ctx: Context;
  readonly failing: Map<string, Failing>;
  #effects: ScopedContext;
  readonly #exposed: Exposed;
  readonly #bell = new Wakeup();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #arrivals: Arrivals;
  #fresh: Call[] = [];
  #inbox: Happening[] = [];
  #failingChanged = false;
  #leaving = false;

  constructor(
    ground: ActivationGround,
    from: {
      readonly saga: AnySaga;
      readonly held: HeldRun;
      readonly execution: Execution;
      readonly ctx: Context;
      /** Whether it has been in a memory before. */
      readonly resumed: boolean;
    },
  ) {
    this.ground = ground;
    this.saga = from.saga;
    this.held = from.held;
    this.execution = from.execution;
    this.ctx = from.ctx;
    this.tenant = from.ctx.tenant;
    const { body } = from.held;
    this.failing = new Map(Object.entries(body.failing ?? {}));
    this.#exposed = { state: body.state, attributes: body.attributes && { ...body.attributes }, changed: false };
    this.#effects = from.ctx.withCancel();
    const place = { database: ground.wide, clock: ground.clock };
    this.#arrivals = new Arrivals(place, from.ctx, body, from.execution, from.resumed);
  }

  /** There may be signals. */
  poke(): void {
    this.#arrivals.expect();
    this.#bell.ring();
  }

  /** Leaves it to others as soon as no step is under way. */
  leave(): void {
    this.#leaving = true;
    this.#bell.ring();
  }

  /** Ends steps that are under way. */
  cut(reason: FairleadError): void {
    this.#effects.cancel(reason);
  }

  renewEffects(): void {
    this.#effects[Symbol.dispose]();
    this.#effects = this.ctx.withCancel();
  }

  get leaving(): boolean {
    return this.#leaving;
  }
  get effects(): Context {
    return this.#effects;
  }
  get attemptGround(): AttemptGround {
    const { clock, random, time, lingerMs } = this.ground;
    return { clock, random, lingerMs, nowMs: () => time.nowMs() };
  }

  /**
   * Runs it until it ends, waits, is parked or left to others. `again` when signals came while it was leaving.
   * @throws SAGA_LOST, and the Context's reason
   */
  async run(): Promise<'done' | 'again'> {
    try {
      const { execution, ground } = this;
      execution.onProgress = () => this.#bell.ring();
      execution.begin(sagaContext(this.saga, execution, this.tenant, this.#exposed));
      const broken = await execution.replay(ground.clock, ground.foreignWaitMs);
      if (broken !== undefined) return await this.#park(broken);
      if (execution.journal.some(({ kind }) => kind === 'fail')) return await compensate(this);
      const left = await this.#goOn();
      return left === 'failed' ? await compensate(this) : left;
    } finally {
      this.#effects[Symbol.dispose]();
      await Promise.all(this.#busy.values());
    }
  }

  happened(what: Happening): void {
    this.#inbox.push(what);
    this.#bell.ring();
  }

  record(record: Omit<SagaRecord, 'at'>): SagaRecord {
    const at = Math.max(this.ground.time.nowMs(), this.execution.journal.at(-1)?.at ?? 0);
    const complete = { ...record, at };
    this.execution.journal.push(complete);
    return complete;
  }

  takeBack(record: SagaRecord): void {
    if (this.execution.journal.at(-1) === record) this.execution.journal.pop();
  }

  shown(): Partial<RunBody> {
    const { state, attributes } = this.#exposed;
    return {
      failing: Object.fromEntries(this.failing),
      ...(state !== undefined && { state }),
      ...(attributes !== undefined && { attributes: { ...attributes } }),
    };
  }

  async flush(changes: Partial<RunBody> = {}, options: WriteOptions = {}): Promise<void> {
    this.#exposed.changed = false;
    this.#failingChanged = false;
    await this.held.write({ ...this.shown(), ...changes }, options);
  }

  fails(key: string, failing: Failing | undefined): void {
    if (failing !== undefined) this.failing.set(key, failing);
    else if (!this.failing.delete(key)) return;
    this.#failingChanged = true;
  }

  async end(
    status: SagaStatus,
    outcome: { readonly result?: unknown; readonly failure?: SagaFailure },
  ): Promise<'done'> {
    const { body } = this.held;
    const told = tellParent(body, { status, ...outcome });
    this.failing.clear();
    // Before the end, after which nobody would know of them.
    if (this.#arrivals.any || body.segments.length > 0) await forgetLater(this.ctx, this.ground.wide, body);
    await this.flush(
      { status, owner: null, wakesAt: undefined, ...outcome },
      {
        ...(told && { also: told.also, wake: { ...told.wake, delayMs: 0 } }),
        expiresInMs: body.retentionMs,
      },
    );
    this.ground.ended(this.held.body, this.tenant);
    return 'done';
  }

  async suspend(status: SagaStatus, untilMs: number | undefined): Promise<'done' | 'again'> {
    const { saga, id } = this.held.body;
    const delayMs = untilMs === undefined ? undefined : Math.max(0, untilMs - this.ground.time.nowMs());
    await this.flush(
      { status, owner: null, wakesAt: untilMs, takeovers: 0 },
      delayMs === undefined ? {} : { wake: { saga, id, why: 'time', delayMs } },
    );
    if (status === 'compensating') return 'done';
    // What was sent before this was written has found an owner, and told it only.
    return (await this.#arrivals.untaken()).length > 0 ? 'again' : 'done';
  }

  async handOver(status: SagaStatus): Promise<'done'> {
    const { saga, id } = this.held.body;
    await this.flush({ status, owner: null, takeovers: 0 }, { wake: { saga, id, why: 'news', delayMs: 0 } });
    return 'done';
  }

  async hold(status: 'parked' | 'needs-attention', failure: SagaFailure): Promise<'done'> {
    const { saga, id } = this.held.body;
    const { version } = this.saga.options;
    await this.flush({
      status,
      owner: null,
      failure,
      wakesAt: undefined,
      takeovers: 0,
      ...(version !== undefined && { version }),
    });
    this.ground.telemetry?.log.warn(this.ctx, `${saga} ${id} is ${status}: ${failure.message}`, { code: failure.code });
    return 'done';
  }

  async #goOn(): Promise<'done' | 'again' | 'failed'> {
    let leaveLane = await this.lane.enter();
    try {
      this.#collect();
      for (;;) {
        const { execution } = this;
        if (execution.broken !== undefined) return await this.#park(execution.broken);
        if (this.#isOver()) {
          if (this.#busy.size === 0 && execution.end !== undefined) return await this.#finish();
          this.cut(new FairleadError('cancelled', 'CANCELLED', 'The saga needs this no more.'));
        } else if (this.isDirty() && !this.#travels()) await this.flush();
        if (this.#leaving && this.#busy.size === 0 && this.#fresh.length > 0) return await this.handOver('running');
        this.#startFresh();
        leaveLane();
        const next = await this.#next();
        leaveLane = await this.lane.enter();
        if (next === 'foreign') return await this.#park(this.#foreign());
        if (next === 'hand-over') return await this.handOver('running');
        if (typeof next === 'object') return await this.suspend('waiting', next.untilMs);
        await this.#deliver();
      }
    } finally {
      leaveLane();
    }
  }

  /** Whether the function has ended, or nothing that it might still do counts. */
  #isOver(): boolean {
    return this.execution.end !== undefined || this.execution.cancelled !== undefined;
  }

  isDirty(): boolean {
    return this.execution.journal.length > this.held.recorded || this.#exposed.changed || this.#failingChanged;
  }

  /** Whether what is to be written travels with the transaction step that comes next. */
  #travels(): boolean {
    return this.#busy.size === 0 && this.#fresh.length === 1 && this.#fresh[0]?.spec.kind === 'transaction';
  }

  async #finish(): Promise<'done' | 'failed'> {
    const { execution } = this;
    const { end, cancelled } = execution;
    if (end?.kind === 'returned' && cancelled === undefined) {
      let result: unknown;
      try {
        result = plainJson(`The saga ${this.saga.name}: its result`, end.value, this.saga.options.maxPayloadBytes);
      } catch (error) {
        return this.#park(failureFrom(error));
      }
      return this.end('completed', { result });
    }
    const failure = cancelled ?? failureFrom(end?.kind === 'threw' ? end.error : undefined);
    this.record({ kind: 'fail', name: failure.code, occurrence: 1, failure });
    execution.deliver();
    for (const { spec, settled, begun } of execution.calls)
      if (spec.kind === 'child' && begun && (!settled || cancelled !== undefined))
        await this.ground.cancelChild(this.ctx, spec.saga.name, spec.id);
    return 'failed';
  }

  #park(failure: SagaFailure): Promise<'done'> {
    return this.hold('parked', failure);
  }

  #foreign(): SagaFailure {
    return {
      code: 'SAGA_FOREIGN_WAIT',
      kind: 'internal',
      message: `${this.saga.name} ${this.held.body.id}: its function waits for something that is not from its "s", for ${this.ground.foreignWaitMs} ms by now. After a crash that would come out differently, or never: put it into a step, and retry the run.`,
    };
  }

  /** Takes what the function has asked for: records what is decided by that, and notes what is to be begun. */
  #collect(): void {
    const nowMs = this.ground.time.nowMs();
    for (const fresh of this.execution.takeFresh()) {
      if ('kind' in fresh) {
        this.record(fresh);
        this.execution.deliver();
        continue;
      }
      if (fresh.settled) continue;
      const { spec, name, occurrence } = fresh;
      const delayMs = spec.kind === 'sleep' ? spec.delayMs : spec.kind === 'signal' ? spec.timeoutMs : undefined;
      if (delayMs !== undefined && !fresh.begun) {
        // Sleeps and signals.
        this.record({ kind: `${spec.kind as 'sleep' | 'signal'}-begun`, name, occurrence, until: nowMs + delayMs });
        this.execution.deliver();
      }
      if (spec.kind === 'signal' || spec.kind === 'child') this.#arrivals.expect();
      if (spec.kind === 'step' || spec.kind === 'transaction' || (spec.kind === 'child' && !fresh.begun))
        this.#fresh.push(fresh);
    }
  }

  #startFresh(): void {
    const over = this.#isOver();
    const nowMs = this.ground.time.nowMs();
    for (const call of this.#fresh.splice(0)) {
      if (over || call.settled) continue;
      const dueMs = this.failing.get(call.key)?.nextAt ?? 0;
      if (dueMs <= nowMs) this.#start(call);
    }
  }

  #start(call: Call): void {
    const work = doCall(this, call).finally(() => {
      this.#busy.delete(call.key);
      this.#bell.ring();
    });
    this.#busy.set(call.key, work);
  }

  /** Delivers what has happened, one after another. */
  async #deliver(): Promise<void> {
    this.#collect();
    for (const happening of this.#inbox.splice(0)) {
      if (happening.kind === 'lost') throw happening.error;
      if (happening.kind === 'broken') this.execution.stop(happening.failure);
      else if (happening.kind === 'later') this.fails(happening.call.key, happening.failing);
      else {
        if (happening.call !== undefined) this.fails(happening.call.key, undefined);
        if (happening.kind === 'record') this.record(happening.record);
      }
      while (this.execution.behind) {
        this.execution.deliver();
        await realTurn();
        this.#collect();
      }
    }
  }

  /** Waits until something has happened. An object: there is nothing to wait for here. */
  async #next(): Promise<'happened' | 'foreign' | 'hand-over' | { readonly untilMs: number | undefined }> {
    const { clock, time, lingerMs, foreignWaitMs } = this.ground;
    const { execution } = this;
    const sinceMs = clock.monotonic();
    for (;;) {
      const idle = this.#busy.size === 0;
      if (this.#inbox.length > 0 || execution.hasFresh || execution.broken !== undefined) return 'happened';
      if (idle && execution.end !== undefined) return 'happened';
      for (const arrival of await this.#arrivals.look()) this.happened({ kind: 'record', ...arrival });
      if (this.#inbox.length > 0) continue;
      this.#begin();
      if (this.#inbox.length > 0 || this.#busy.size > 0 !== !idle) continue;
      const open = execution.open();
      const waitedMs = clock.monotonic() - sinceMs;
      if (open.length === 0 && idle) {
        if (this.#leaving) return 'hand-over';
        if (waitedMs < foreignWaitMs) {
          await this.#bell.sleep(clock, foreignWaitMs - waitedMs);
          continue;
        }
        if (!this.#isOver()) return 'foreign';
        // Cancelled, and caught up in something of its own.
        execution.abandon();
        return 'happened';
      }
      const untilMs = Math.min(...open.map((call) => this.#dueMs(call)));
      const leftMs = Math.max(1, untilMs - time.nowMs());
      const leaves = idle && (this.#leaving || leftMs > lingerMs);
      // A signal may come any moment; a time that is known does not come sooner.
      const hopes = open.some(({ spec }) => spec.kind === 'signal' || spec.kind === 'child');
      if (leaves && (this.#leaving || !hopes || waitedMs >= lingerMs))
        return { untilMs: untilMs === Infinity ? undefined : untilMs };
      const stayMs = leaves ? lingerMs - waitedMs : Infinity;
      await this.#bell.sleep(clock, Math.max(1, Math.min(leftMs, stayMs, this.#arrivals.lookInMs)));
    }
  }

  /** When a call has to be looked after, by the database's time. */
  #dueMs({ key, until }: Call): number {
    if (this.#busy.has(key)) return Infinity;
    return this.failing.get(key)?.nextAt ?? until ?? Infinity;
  }

  /** Begins what waits for a time that has come. */
  #begin(): void {
    const nowMs = this.ground.time.nowMs();
    for (const call of this.execution.open()) {
      if (this.#dueMs(call) > nowMs) continue;
      const { spec, name, occurrence } = call;
      if (spec.kind !== 'sleep' && spec.kind !== 'signal') this.#start(call);
      else this.happened({ kind: 'record', call, record: { kind: spec.kind, name, occurrence } });
    }
  }
}
