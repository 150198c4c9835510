import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import type { PolicyEvent } from './observe.ts';
import { policy } from './policy.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

/** A policy on a virtual clock, a Context to call it with, and what its observer has seen. */
export function world(spec: PolicySpec, code: PolicyCode = {}) {
  const clock = virtualClock();
  const random = seededRandom('policy');
  const events: PolicyEvent[] = [];
  const guarded = policy('stock', spec, { clock, random, observe: (event) => events.push(event) }, code);
  const ctx = createContext({ clock, random });
  return { clock, random, events, guarded, ctx };
}

/** Work that settles when it is told to, and remembers the Contexts it was given. */
export function manual() {
  const begun: { ctx: Context; attempt: number; resolve: (value: string) => void; reject: (error: unknown) => void }[] =
    [];
  const work = (ctx: Context, attempt: number) =>
    new Promise<string>((resolve, reject) => begun.push({ ctx, attempt, resolve, reject }));
  return { begun, work };
}

/** A failure that may be repeated. */
export const unavailable = (): FairleadError => new FairleadError('unavailable', 'UNAVAILABLE', 'away');
export const NO_JITTER = { backoff: { base: '100ms', jitter: 'none' } } as const;
export const IDEMPOTENT = { idempotent: true } as const;
