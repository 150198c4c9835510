import { FairleadError, type CloseOptions, type Context, type ScopedContext } from '@fairlead/core';
import type { ResolvedLeasesOptions } from './lease-options.ts';
import type { AcquireResult, Election, Lease, LeadFunction } from './lease-types.ts';
import type { LeaseWatch } from './lease-watch.ts';

/** What an election stands on. */
export interface ElectionGround {
  readonly options: ResolvedLeasesOptions;
  readonly background: Context;
  readonly watch: LeaseWatch;
  acquire(ctx: Context, name: string): Promise<AcquireResult>;
  /** Called once, when it has ended. */
  onEnd(election: Election): void;
}

/** One campaign after another for one lease. */
export class LeaseElection implements Election {
  readonly name: string;
  readonly #ground: ElectionGround;
  readonly #fn: LeadFunction;
  readonly #scope: ScopedContext;
  readonly #done: Promise<void>;
  #lease: Lease | undefined;

  constructor(ground: ElectionGround, name: string, fn: LeadFunction) {
    this.name = name;
    this.#ground = ground;
    this.#fn = fn;
    this.#scope = ground.background.withCancel();
    this.#done = this.#campaign().finally(() => {
      this.#scope[Symbol.dispose]();
      ground.onEnd(this);
    });
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  async close({ graceMs = 5_000 }: CloseOptions = {}): Promise<void> {
    this.#scope.cancel();
    const { clock } = this.#ground.options;
    const over = Promise.withResolvers<never>();
    const timer = clock.setTimer(graceMs, () =>
      over.reject(
        new FairleadError(
          'internal',
          'CLOSE_FAILED',
          `What leads "${this.name}" did not stop within ${graceMs} ms of its signal. The lease stays its own until it has, or lapses.`,
        ),
      ),
    );
    try {
      await Promise.race([this.#done, over.promise]);
    } finally {
      timer.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Never rejects. */
  async #campaign(): Promise<void> {
    const { options, watch } = this.#ground;
    const { signal } = this.#scope;
    while (!signal.aborted) {
      try {
        const result = await this.#ground.acquire(this.#scope, this.name);
        if (result.kind === 'taken') {
          await watch.free(this.#scope, this.name);
          continue;
        }
        await this.#lead(result.lease);
      } catch (error) {
        this.#warn('the campaign was interrupted and begins again', error);
      }
      // Others, who look once in this time, come first.
      const restMs = options.renewEveryMs * (1 + options.random.next());
      await options.clock.sleep(restMs, signal).catch(() => {});
    }
  }

  async #lead(lease: Lease): Promise<void> {
    using ctx = this.#scope.withCancel();
    const stop = (): void => ctx.cancel(lease.signal.reason);
    lease.signal.addEventListener('abort', stop, { once: true });
    this.#lease = lease;
    try {
      if (lease.signal.aborted) return;
      await this.#fn(ctx, lease);
    } catch (error) {
      if (!ctx.signal.aborted) this.#warn('the leader failed and hands over', error);
    } finally {
      lease.signal.removeEventListener('abort', stop);
      this.#lease = undefined;
      // A failure is made up for by the leases themselves.
      await lease.release(this.#ground.background).catch(() => {});
    }
  }

  #warn(what: string, error: unknown): void {
    if (this.#scope.signal.aborted) return;
    const { database, holder, telemetry } = this.#ground.options;
    telemetry.log.warn(undefined, `${database.name}: ${holder}, election "${this.name}": ${what}`, { error });
  }
}
