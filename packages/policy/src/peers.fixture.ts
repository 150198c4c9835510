import { createContext, seededRandom, virtualClock, type ScopedContext } from '@fairlead/core';
import { bulkhead, circuitBreaker, CountBreaker, handleWhen, SamplingBreaker } from 'cockatiel';
import CircuitBreaker from 'opossum';
import { vi } from 'vitest';
import { policy } from './policy.ts';
import type { Setup } from './breaker-model.fixture.ts';
import type { Ending, Listener, Subject } from './schedule.fixture.ts';
import type { SlotsSetup } from './slots-model.fixture.ts';

const IGNORED = new Error('ignored');
const FAILED = new Error('failed');

/** The work of calls, which ends when it is told to. */
class Works {
  readonly #ends = new Map<number, (ending: Exclude<Ending, 'hangs'>) => void>();
  readonly #begun = new Set<number>();
  readonly #gaveUp = new Set<number>();
  readonly #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  begin(call: number): Promise<string> {
    this.#begun.add(call);
    const work = new Promise<string>((resolve, reject) => {
      this.#ends.set(call, (ending) => {
        if (ending === 'succeeds') resolve('done');
        else reject(ending === 'fails' ? FAILED : IGNORED);
      });
    });
    this.#listener.begun(call);
    return work;
  }

  end(call: number, ending: Exclude<Ending, 'hangs'>): void {
    this.#ends.get(call)?.(ending);
  }

  /** The caller of a call gives up, and is told so when the call says its end. */
  giveUp(call: number): void {
    this.#gaveUp.add(call);
  }

  /** What came of a call; if its work was never begun, it was refused, unless its caller gave up. */
  follow(call: number, result: Promise<unknown>): void {
    const settled = () => {
      if (this.#gaveUp.has(call)) this.#listener.left(call);
      else if (!this.#begun.has(call)) this.#listener.refused(call);
    };
    result.then(settled, settled);
  }
}

/** This package's breaker, through a policy, on a virtual clock. */
export function ours(setup: Setup, leaseMs: number, listener: Listener): Subject {
  const { window, minCalls, ratio, openMs, timeoutMs, capacity } = setup;
  const clock = virtualClock();
  const ports = { clock, random: seededRandom('differential') };
  const ctx = createContext(ports);
  const guarded = policy(
    'peer',
    {
      breaker: {
        ...('calls' in window
          ? { window: window.calls }
          : { window: `${window.buckets * window.bucketMs}ms` as const, buckets: window.buckets }),
        minCalls,
        failureRatio: `${ratio * 100}%`,
        slowRatio: 'off',
        openFor: `${openMs}ms`,
        openGrowth: 1,
        openJitter: '0%',
        probes: 1,
        probeLease: `${leaseMs}ms`,
      },
      ...(timeoutMs === undefined ? {} : { timeout: { attempt: `${timeoutMs}ms` as const } }),
      ...(capacity === undefined ? {} : { concurrency: { limit: capacity, queue: 0 } }),
    },
    ports,
    { breaker: { judge: (failed) => (failed === IGNORED ? 'ignore' : undefined) } },
  );
  const works = new Works(listener);
  return {
    advance: (toMs) => clock.advance(toMs - clock.monotonic()),
    start: (call) =>
      works.follow(
        call,
        guarded.run(ctx, () => works.begin(call)),
      ),
    end: (call, ending) => works.end(call, ending),
  };
}

/** opossum has no clock of its own: Node's timers are virtual while it is played. */
export function opossum(setup: Setup, listener: Listener): Subject {
  const { window, minCalls, ratio, openMs, timeoutMs = false, capacity } = setup;
  if ('calls' in window) throw new Error('opossum has no window of calls');
  const timers = virtualTimers();
  const works = new Works(listener);
  const breaker = new CircuitBreaker((call: number) => works.begin(call), {
    timeout: timeoutMs,
    ...(capacity === undefined ? {} : { capacity }),
    errorThresholdPercentage: ratio * 100,
    resetTimeout: openMs,
    volumeThreshold: minCalls,
    rollingCountTimeout: window.buckets * window.bucketMs,
    rollingCountBuckets: window.buckets,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    errorFilter: (error: unknown) => error === IGNORED,
  });
  return {
    ...timers,
    start: (call) => works.follow(call, breaker.fire(call)),
    end: (call, ending) => works.end(call, ending),
    [Symbol.dispose]() {
      breaker.shutdown();
      timers[Symbol.dispose]();
    },
  };
}

/** cockatiel, on virtual timers too; with a window of calls or of time. */
export function cockatiel({ window, minCalls, ratio, openMs }: Setup, listener: Listener): Subject {
  const timers = virtualTimers();
  const works = new Works(listener);
  const breaker = circuitBreaker(
    handleWhen((error) => error !== IGNORED),
    {
      halfOpenAfter: openMs,
      breaker:
        'calls' in window
          ? new CountBreaker({ threshold: ratio, size: window.calls, minimumNumberOfCalls: minCalls })
          : new SamplingBreaker({
              threshold: ratio,
              duration: window.buckets * window.bucketMs,
              minimumRps: minCalls / ((window.buckets * window.bucketMs) / 1_000),
            }),
    },
  );
  return {
    ...timers,
    start: (call) =>
      works.follow(
        call,
        breaker.execute(() => works.begin(call)),
      ),
    end: (call, ending) => works.end(call, ending),
  };
}

/** This package's concurrency limit, through a policy. */
export function ourSlots({ limit, queue }: SlotsSetup, listener: Listener): Subject {
  const clock = virtualClock();
  const ports = { clock, random: seededRandom('differential') };
  const ctx = createContext(ports);
  const guarded = policy('peer', { concurrency: { limit, queue, ...(queue > 0 ? { wait: '1000h' } : {}) } }, ports);
  const works = new Works(listener);
  const scopes = new Map<number, ScopedContext>();
  return {
    advance: (toMs) => clock.advance(toMs - clock.monotonic()),
    start(call) {
      const scope = ctx.withTimeout(Infinity);
      scopes.set(call, scope);
      works.follow(
        call,
        guarded.run(scope, () => works.begin(call)),
      );
    },
    end: (call, ending) => works.end(call, ending),
    leave(call) {
      works.giveUp(call);
      scopes.get(call)?.cancel();
    },
  };
}

/** The bulkhead of cockatiel. */
export function cockatielSlots({ limit, queue }: SlotsSetup, listener: Listener): Subject {
  const guarded = bulkhead(limit, queue);
  const works = new Works(listener);
  const callers = new Map<number, AbortController>();
  return {
    advance: () => {},
    start(call) {
      const caller = new AbortController();
      callers.set(call, caller);
      works.follow(
        call,
        guarded.execute(() => works.begin(call), caller.signal),
      );
    },
    end: (call, ending) => works.end(call, ending),
    leave(call) {
      works.giveUp(call);
      callers.get(call)?.abort();
    },
  };
}

function virtualTimers() {
  vi.useFakeTimers({
    now: 1_700_000_000_000,
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  });
  let nowMs = 0;
  return {
    async advance(toMs: number) {
      await vi.advanceTimersByTimeAsync(toMs - nowMs);
      nowMs = toMs;
    },
    [Symbol.dispose]() {
      vi.useRealTimers();
    },
  };
}
