import {
  continueFrom,
  FairleadError,
  isError,
  type Clock,
  type Context,
  type Random,
  type ScopedContext,
} from '@fairlead/core';
import type { Database, StoreTelemetry } from '@fairlead/store';
import { Activation } from './activation.ts';
import { Execution } from './execution.ts';
import { HeldRun } from './held-run.ts';
import type { SagaRecord } from './journal.ts';
import type { ActivationGround } from './live-run.ts';
import type { RunBody } from './run-body.ts';
import type { StoredRun } from './run-docs.ts';
import type { RunnerLife, Slot } from './runner-life.ts';
import type { AnySaga } from './saga-types.ts';
import { runName } from './send-signal.ts';

/** What the runs of a process stand on. */
export interface RunsGround {
  readonly activation: ActivationGround;
  /** Under the scope of all tenants. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: StoreTelemetry | undefined;
  readonly maxActive: number;
  /** Signals have come for a run while it was leaving. */
  onNews(body: RunBody, tenant: string | undefined): void;
}

interface ActiveRun {
  readonly activation: Activation;
  readonly scope: ScopedContext;
  readonly life: RunnerLife;
}

/** Owners that died with a run, without a record in between, before it is taken for what kills them. */
const MAX_TAKEOVERS = 20;

/** The runs that a process has in memory. */
export class ActiveRuns {
  readonly #ground: RunsGround;
  readonly #active = new Map<string, ActiveRun>();
  readonly #starting = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #waiting = new Set<() => void>();
  #leaving = false;

  constructor(ground: RunsGround) {
    this.#ground = ground;
  }

  get size(): number {
    return this.#active.size;
  }
  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#active.size + this.#starting.size < this.#ground.maxActive;
  }

  /** Whether it is here, or about to be. */
  has(name: string): boolean {
    return this.#active.has(name) || this.#starting.has(name);
  }

  /** Notes that a run is about to be here. Resolves and rejects as `work` does. */
  async while<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#starting.add(name);
    try {
      return await work();
    } finally {
      this.#starting.delete(name);
    }
  }

  /** Resolves when there is room, or the Context has ended. */
  async room(ctx: Context): Promise<void> {
    while (!this.hasRoom) {
      ctx.throwIfAborted();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      const stop = ctx.onEnd(() => resolve());
      await promise;
      stop();
      this.#waiting.delete(resolve);
    }
  }

  /** There may be signals for a run; without a name for any. */
  poke(name: string | undefined): void {
    if (name !== undefined) this.#active.get(name)?.activation.poke();
    else for (const { activation } of this.#active.values()) activation.poke();
  }

  /** Runs one that belongs to this life, until it ends or waits. */
  begin(life: RunnerLife, slot: Slot, saga: AnySaga, run: StoredRun, from?: readonly SagaRecord[]): void {
    const { body, version, tenant } = run;
    const { clock, random, database, activation: shared } = this.#ground;
    const idempotencyKey = `saga/${body.saga}/${body.id}/${body.seed}`;
    const scope = continueFrom({ ...body.origin, tenant }, { clock, random, causationId: body.id, idempotencyKey });
    const facts = { runId: body.id, seed: body.seed, startedAt: body.startedAt, input: body.input };
    const execution = new Execution(saga, facts, from ?? []);
    const ground = { database, clock, random, nowMs: () => shared.time.nowMs() };
    const held = new HeldRun(ground, scope, { body, version }, execution.journal);
    const activation = new Activation(shared, { saga, held, execution, ctx: scope, resumed: from !== undefined });
    const name = runName(tenant, body.saga, body.id);
    this.#active.set(name, { activation, scope, life });
    if (life.lease.signal.aborted) scope.cancel();
    if (this.#leaving) activation.leave();
    const running = this.#run(activation, body.takeovers).then((left) => {
      // It may be here again: it had been left when somebody woke it.
      if (this.#active.get(name)?.activation === activation) this.#active.delete(name);
      this.#running.delete(running);
      scope[Symbol.dispose]();
      if (left !== 'keep') life.giveBack(slot);
      for (const tell of this.#waiting) tell();
      if (left === 'again') this.#ground.onNews(body, tenant);
    });
    this.#running.add(running);
  }

  /** Ends those of a life that is over; nothing more is written of them. */
  drop(life: RunnerLife): void {
    for (const active of this.#active.values()) if (active.life === life) active.scope.cancel();
  }

  /** Has all be left, those that come as well, and resolves when they are. */
  async leave(): Promise<void> {
    this.#leaving = true;
    for (const { activation } of this.#active.values()) activation.leave();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Ends steps under way. */
  cut(): void {
    const reason = new FairleadError('cancelled', 'CANCELLED', 'The sagas of this process are being closed.');
    for (const { activation } of this.#active.values()) activation.cut(reason);
  }

  /** Never rejects. `keep`: it may still be ours, and has to be looked after. */
  async #run(activation: Activation, takeovers: number): Promise<'done' | 'again' | 'keep'> {
    const { saga, id } = activation.held.body;
    try {
      if (takeovers > MAX_TAKEOVERS) {
        const message = `${saga} ${id}: ${takeovers} processes have had it since it was recorded or left, and each has ended. It may be what ends them; look at what it does after its last record, then retry it.`;
        return await activation.hold('parked', { code: 'SAGA_POISON', kind: 'internal', message });
      }
      return await activation.run();
    } catch (error) {
      if (isError(error, 'SAGA_LOST')) return 'done';
      if (!activation.ctx.signal.aborted)
        this.#ground.telemetry?.log.warn(activation.ctx, `${saga} ${id} could not go on; it is taken up again soon`, {
          error,
        });
      return 'keep';
    }
  }
}
