import { reasonOf, deadlineRejection, endedRejection } from './call-ends.ts';
import type { Admission } from './admission.ts';
import { Cache, type CachedAnswer, type CacheState } from './cache.ts';
import type { CallParts } from './call-parts.ts';
import type { CallRequest, Settle } from './call-request.ts';
import { Call } from './call.ts';
import { Coalescer, type CoalesceState } from './coalescer.ts';
import type { Decision } from './decision.ts';
import type { DeferPort } from './defer-port.ts';
import { failureIn, Fallback, type FallbackState } from './fallback.ts';
import type { PolicyEvent } from './observe.ts';
import { FAILURE } from './outcome.ts';
import { RejectedError } from './rejected-error.ts';
import type { Rejection } from './rejection.ts';
import { scopedKey } from './scoped-key.ts';
import type { ResolvedPolicy } from './spec.ts';

/** What stands in front of a policy's calls, as it is now. */
export interface FrontState {
  readonly cache: CacheState | undefined;
  readonly coalesce: CoalesceState | undefined;
  readonly fallback: FallbackState | undefined;
}

/**
 * The layers that answer calls without their work, from the outermost: fallback, cache, coalescing, shared limits. A
 * policy that has none of them has no front, and pays nothing for it.
 */
export class Front {
  readonly #parts: CallParts;
  readonly #admission: Admission | undefined;
  readonly #fallback: Fallback | undefined;
  readonly #cache: Cache | undefined;
  readonly #coalescePer: 'tenant' | 'subject' | undefined;
  /** Also runs what a cache asks for anew. */
  readonly #coalescer: Coalescer;

  constructor(
    parts: CallParts,
    sections: Pick<ResolvedPolicy, 'cache' | 'coalesce' | 'fallback'>,
    admission: Admission | undefined,
    deferPort: DeferPort | undefined,
  ) {
    const { cache, coalesce, fallback } = sections;
    this.#parts = parts;
    this.#admission = admission?.isShared === true ? admission : undefined;
    this.#fallback = fallback === undefined ? undefined : new Fallback(parts, fallback, deferPort);
    this.#cache = cache === undefined ? undefined : new Cache(cache);
    this.#coalescePer = coalesce?.per;
    this.#coalescer = new Coalescer(parts, (request, settle) => this.#execute(request, settle));
  }

  /** Answers a call whose caller still waits; settles once. */
  begin(request: CallRequest, nowMs: number, settle: Settle): void {
    const { ctx, facts } = request;
    const fallback = this.#fallback;
    const outer = this.#parts.observe === undefined ? settle : this.#observed(this.#parts.observe, settle);
    const inner: Settle = fallback === undefined ? outer : (decision) => fallback.settle(ctx, facts, decision, outer);
    if (this.#cache === undefined || facts.key === undefined) this.#share(request, nowMs, inner);
    else this.#cached(this.#cache, scopedKey(ctx, this.#cache.per, facts.key), request, nowMs, inner);
  }

  /** Forgets what is kept for a key, and what calls under way would bring; later calls join none of those. */
  forget(ctx: CallRequest['ctx'], key: string): void {
    this.#cache?.forget(scopedKey(ctx, this.#cache.per, key));
    const per = this.#sharePer;
    for (const criticality of ['critical', 'default', 'sheddable'] as const) {
      this.#coalescer.detach(criticality + scopedKey(ctx, per, key));
    }
  }

  inspect(): FrontState {
    return {
      cache: this.#cache?.inspect(),
      coalesce: this.#coalescePer === undefined ? undefined : this.#coalescer.inspect(),
      fallback: this.#fallback?.inspect(),
    };
  }

  #observed(observe: (event: PolicyEvent) => void, settle: Settle): Settle {
    const { name: policy, wakeUps } = this.#parts;
    return (decision) => {
      if (decision.kind === 'ok' && decision.from !== 'call') {
        const { from, ageMs } = decision;
        observe({ kind: 'answered', policy, atMs: wakeUps.turn.nowMs(), from, ageMs });
      }
      settle(decision);
    };
  }

  get #sharePer(): 'tenant' | 'subject' {
    return this.#coalescePer ?? this.#cache?.per ?? 'tenant';
  }

  /** Calls of another criticality are not joined: whoever matters more must not be turned away with who matters less. */
  #shareKey({ ctx }: CallRequest, key: string): string {
    return ctx.criticality + scopedKey(ctx, this.#sharePer, key);
  }

  #cached(cache: Cache, key: string, request: CallRequest, nowMs: number, settle: Settle): void {
    const answer = cache.find(key, nowMs);
    const freshness = answer === undefined ? 'none' : cache.freshness(answer, nowMs);
    if (answer === undefined || freshness === 'none' || freshness === 'only-for-errors') {
      cache.count('none');
      this.#share(request, nowMs, (decision) => this.#orStale(cache, key, request, decision, settle));
      return;
    }
    cache.count(freshness);
    settle(given(answer, freshness === 'fresh' ? 'cache' : 'stale', nowMs));
    if (freshness === 'stale' && request.facts.key !== undefined) {
      this.#coalescer.keep(this.#shareKey(request, request.facts.key), request, nowMs);
    }
  }

  /** An older answer stands in for a failure of whom was called, or for a rejection. */
  #orStale(cache: Cache, key: string, { ctx }: CallRequest, decision: Decision<unknown>, settle: Settle): void {
    const why = failureIn(this.#parts, decision);
    const nowMs = this.#parts.wakeUps.turn.nowMs();
    const isTheirs = why?.kind === 'rejected' || (why !== undefined && this.#isFailure(decision, why.error));
    const answer = isTheirs && reasonOf(ctx) === undefined ? cache.find(key, nowMs) : undefined;
    if (answer === undefined) {
      settle(decision);
      return;
    }
    cache.count('only-for-errors');
    settle(given(answer, 'stale', nowMs));
  }

  #isFailure(decision: Decision<unknown>, error: unknown): boolean {
    return error instanceof RejectedError || this.#parts.outcomeOf(error, decision.kind === 'ok') === FAILURE;
  }

  #share(request: CallRequest, nowMs: number, settle: Settle): void {
    const { key } = request.facts;
    if (this.#coalescePer === undefined || key === undefined) this.#execute(request, settle);
    else this.#coalescer.join(this.#shareKey(request, key), request, nowMs, settle);
  }

  /** Does the work, and keeps what it answers. */
  #execute(request: CallRequest, settle: Settle): void {
    const { ctx, facts } = request;
    const cache = this.#cache;
    if (cache === undefined || facts.key === undefined) {
      this.#admit(request, settle);
      return;
    }
    const key = scopedKey(ctx, cache.per, facts.key);
    const { era } = cache;
    const sinceMs = this.#parts.wakeUps.turn.nowMs();
    this.#admit(request, (decision) => {
      if (decision.kind === 'ok' && failureIn(this.#parts, decision) === undefined) {
        cache.keep(key, decision.value, sinceMs, era);
      }
      settle(decision);
    });
  }

  /** Asks the limits of this process, then those in the store, then whether there is too much load. */
  #admit(request: CallRequest, settle: Settle): void {
    const { ctx, facts, sinceMs } = request;
    const { clock, wakeUps, admit } = this.#parts;
    const nowMs = wakeUps.turn.nowMs();
    const rejection = admit?.(ctx, facts, nowMs);
    if (rejection !== undefined) this.#reject(rejection, nowMs, settle);
    else if (this.#admission === undefined) this.#call(request, nowMs, settle);
    else {
      const endsAtMs = sinceMs + this.#parts.totalMs;
      const scope = ctx.withTimeout(Math.max(0, endsAtMs - nowMs));
      void this.#admission.admitShared(scope, facts, clock).then((refused) => {
        const thenMs = wakeUps.turn.nowMs();
        const ended = reasonOf(scope);
        scope[Symbol.dispose]();
        const late = deadlineRejection(this.#parts, sinceMs, endsAtMs, thenMs);
        if (ended !== undefined) this.#reject(endedRejection(ended, late), thenMs, settle);
        else if (refused !== undefined) this.#reject(refused, thenMs, settle);
        else this.#call(request, thenMs, settle);
      });
    }
  }

  #reject(rejection: Rejection, nowMs: number, settle: Settle): void {
    this.#parts.reject(rejection, nowMs);
    settle({ kind: 'rejected', rejection });
  }

  #call({ ctx, work, facts, sinceMs }: CallRequest, nowMs: number, settle: Settle): void {
    const rejection = this.#parts.shed?.(ctx, nowMs);
    if (rejection !== undefined) {
      this.#reject(rejection, nowMs, settle);
      return;
    }
    // A call that has no `reject` resolves with a decision.
    const resolve = settle as (decision: unknown) => void;
    new Call(this.#parts, ctx, work, facts, sinceMs, true, resolve, undefined).begin(nowMs);
  }
}

function given(answer: CachedAnswer, from: 'cache' | 'stale', nowMs: number): Decision<unknown> {
  return { kind: 'ok', value: answer.value, attempts: 0, from, ageMs: nowMs - answer.sinceMs };
}
