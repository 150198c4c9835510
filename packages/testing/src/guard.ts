import { FairleadError, type Clock, type Random, type Timer } from '@fairlead/core';

let held = false;

/**
 * Takes time and chance away from everything in this JavaScript realm until disposed: `Date` and `performance.now` show
 * `clock`, `Math.random` draws from `random`, and `setTimeout` waits on `clock` (a library's own time-outs thus become
 * virtual too). `setInterval` throws: it would never end. One simulation at a time in a realm.
 * @throws MISCONFIGURED while another guard is held
 */
export function guardGlobals(clock: Clock, random: Random): Disposable {
  if (held) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      'simulate: another simulation runs in this process; await it first, or use a worker.',
    );
  }
  held = true;

  const RealDate = globalThis.Date;
  class VirtualDate extends RealDate {
    constructor(...parts: readonly unknown[]) {
      // Date takes nothing, one value, or numbers; what was given is passed on as it is.
      super(...((parts.length === 0 ? [clock.now()] : parts) as [number]));
    }
    static override now(): number {
      return clock.now();
    }
  }
  const clearRealTimeout = globalThis.clearTimeout; // oxlint-disable-line no-restricted-properties -- what it stands in for
  const timers = new WeakMap<WeakKey, Timer>();
  const setTimeout = (fn: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) => {
    const handle = { ref: () => handle, unref: () => handle, hasRef: () => true };
    timers.set(
      handle,
      clock.setTimer(Math.max(0, delayMs), () => fn(...args)),
    );
    return handle;
  };
  const setInterval = () => {
    throw new FairleadError(
      'internal',
      'INTERNAL',
      'setInterval was called under the simulator; take time from ctx.clock.',
    );
  };

  const restores = [
    swap(globalThis, 'Date', VirtualDate),
    swap(globalThis, 'setTimeout', setTimeout),
    swap(globalThis, 'clearTimeout', (handle: unknown) => {
      if (typeof handle === 'object' && handle !== null && timers.has(handle)) timers.get(handle)?.cancel();
      else clearRealTimeout(handle as NodeJS.Timeout); // set before the guard, so the real function knows it
    }),
    swap(globalThis, 'setInterval', setInterval),
    swap(Math, 'random', () => random.next()),
    swap(globalThis.performance, 'now', () => clock.monotonic()), // oxlint-disable-line no-restricted-properties -- as above
  ];
  return {
    [Symbol.dispose]() {
      for (const restore of restores.toReversed()) restore();
      held = false;
    },
  };
}

function swap(holder: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(holder, name);
  Object.defineProperty(holder, name, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(holder, name, own);
    else Reflect.deleteProperty(holder, name);
  };
}
