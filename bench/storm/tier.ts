import { FairleadError, isError, type Clock, type Context, type Random } from '@fairlead/core';
import { wasRetried, type Policy } from '@fairlead/policy';
import { Cpu } from './cpu.ts';

/** What processes of one kind are made of. */
export interface TierOptions {
  readonly processes: number;
  /** Processor time of a request that is served, without what the next tier takes. */
  readonly costMs: number;
  /** What each process lets in; `undefined` for everything. */
  readonly inbound: (() => Policy) | undefined;
  /** How each process calls the next tier; `undefined` for the last tier. */
  readonly outbound: (() => Policy) | undefined;
}

/** The share of a served request's cost that a rejected one costs. */
const REJECTION_SHARE = 0.02;
/** One way between two processes. */
const NETWORK_MS = 0.5;

/** One process of a tier. */
class Process {
  readonly cpu: Cpu;
  readonly #tier: Tier;
  readonly #inbound: Policy | undefined;
  readonly #outbound: Policy | undefined;

  constructor(tier: Tier) {
    this.#tier = tier;
    this.cpu = new Cpu(tier.clock);
    this.#inbound = tier.options.inbound?.();
    this.#outbound = tier.options.outbound?.();
  }

  /** Answers a request, or fails as it would over a network. */
  async answer(ctx: Context): Promise<void> {
    const beganMs = this.#tier.clock.monotonic();
    if (this.#inbound === undefined) {
      await this.#handle(ctx).catch((error: unknown) => this.#fail(error, beganMs));
      return;
    }
    const decision = await this.#inbound.attempt(ctx, (inner) => this.#handle(inner));
    if (decision.kind === 'failed') this.#fail(decision.error, beganMs);
    if (decision.kind !== 'rejected') return;
    await this.cpu.reject(this.#tier.options.costMs * REJECTION_SHARE);
    const { retryAfterMs, cause } = decision.rejection;
    throw new FairleadError('unavailable', 'REJECTED', 'The server has enough to do.', {
      details: { processed: 'no', cause },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  async #handle(ctx: Context): Promise<void> {
    await this.cpu.run(ctx, this.#tier.options.costMs);
    const { next } = this.#tier;
    if (next === undefined) return;
    if (this.#outbound === undefined) await next.send(ctx);
    else await this.#outbound.run(ctx, (inner) => next.send(inner), { idempotent: true });
  }

  /** What of an error the caller gets to see: its code, and whether it has been retried here already. */
  #fail(error: unknown, beganMs: number): never {
    const known = error instanceof FairleadError ? error : undefined;
    const retried = wasRetried(error, beganMs) || known?.details['pushbackMs'] === -1;
    const hasTimedOut = isError(error, 'DEADLINE_EXCEEDED');
    throw new FairleadError(hasTimedOut ? 'deadline' : 'unavailable', known?.code ?? 'INTERNAL', 'It failed.', {
      details: { processed: 'maybe', ...(retried ? { pushbackMs: -1 } : {}) },
    });
  }
}

/** Processes of one kind, behind a balancer that chooses at random. */
export class Tier {
  readonly clock: Clock;
  readonly options: TierOptions;
  readonly next: Tier | undefined;
  readonly #random: Random;
  readonly #processes: readonly Process[];
  /** Requests that have come in. */
  requests = 0;

  constructor(clock: Clock, random: Random, options: TierOptions, next: Tier | undefined) {
    this.clock = clock;
    this.options = options;
    this.next = next;
    this.#random = random;
    this.#processes = Array.from({ length: options.processes }, () => new Process(this));
  }

  /** Requests a second that all its processes can serve when they do nothing else. */
  get capacity(): number {
    return (this.options.processes * 1_000) / this.options.costMs;
  }

  /** Processor time spent on what, by all processes, in milliseconds. */
  spentMs(kind: 'served' | 'rejected'): number {
    return this.#processes.reduce((sum, { cpu }) => sum + cpu.spentMs[kind], 0);
  }

  /** Sends a request over the network. */
  async send(ctx: Context): Promise<void> {
    await this.clock.sleep(NETWORK_MS, ctx.signal);
    this.requests++;
    const process = this.#processes[Math.floor(this.#random.next() * this.#processes.length)];
    await process?.answer(ctx);
    await this.clock.sleep(NETWORK_MS, ctx.signal);
  }
}
