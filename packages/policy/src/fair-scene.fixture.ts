import { createContext, seededRandom, virtualClock, type ScopedContext, type VirtualClock } from '@fairlead/core';
import { expect } from 'vitest';
import { resolveConcurrency, type ConcurrencySpec } from './concurrency-options.ts';
import { createGate } from './create-gate.ts';
import type { FairSpec } from './fair-options.ts';
import type { Gate, GateRefusal, TenantState } from './gate.ts';
import { SUCCESS, type IGNORED } from './outcome.ts';
import { Problems } from './problems.ts';

const random = seededRandom(1);

/** A gate with a fair queue, and calls of tenants at it. Nothing is reserved unless a test says so. */
export class Scene {
  readonly clock: VirtualClock = virtualClock();
  readonly gate: Gate;
  /** Tenants in the order in which they were let in. */
  readonly let: string[] = [];
  readonly refusals: { readonly tenant: string; readonly refusal: GateRefusal }[] = [];
  readonly #inside: { readonly tenant: string; readonly ticket: number }[] = [];

  constructor(spec: ConcurrencySpec, fair: FairSpec = {}) {
    const problems = new Problems();
    const options = resolveConcurrency({ wait: '1h', ...spec, fair: { reserve: '0%', ...fair } }, problems);
    expect(problems.found).toEqual([]);
    this.gate = createGate(options!, { random });
  }

  /** Somebody comes, and stays until told to leave. */
  come(tenant: string, cost = 1): ScopedContext {
    const ctx = createContext({ clock: this.clock, random, tenant });
    void Promise.resolve(this.gate.enter(ctx, this.clock, this.clock.monotonic(), cost)).then((answer) => {
      if (typeof answer !== 'number') this.refusals.push({ tenant, refusal: answer });
      else {
        this.let.push(tenant);
        this.#inside.push({ tenant, ticket: answer });
      }
    });
    return ctx;
  }

  /** The first of a tenant that is in leaves. */
  leave(tenant: string, outcome: typeof SUCCESS | typeof IGNORED = SUCCESS): void {
    const at = this.#inside.findIndex((each) => each.tenant === tenant);
    const [left] = this.#inside.splice(at, at < 0 ? 0 : 1);
    if (left === undefined) throw new Error(`nobody of ${tenant} is in`);
    this.gate.leave(left.ticket, this.clock.monotonic(), outcome);
  }

  /** Somebody comes, is let in at once, and stays so long. */
  async serve(tenant: string, forMs: number): Promise<void> {
    this.come(tenant);
    await this.pass(forMs);
    this.leave(tenant);
    await this.pass(0);
  }

  /** Tenants that are in, each as often as it holds a ticket. */
  get inside(): readonly string[] {
    return this.#inside.map(({ tenant }) => tenant);
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  state(tenant: string): TenantState | undefined {
    return this.gate.inspect(this.clock.monotonic()).tenants.find((each) => each.tenant === tenant);
  }
}
