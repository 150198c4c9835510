import { createContext } from '@fairlead/core';
import type { Clock, Random } from '@fairlead/core';
import type { Logger } from '@fairlead/telemetry';
import type { JWK } from 'jose';
import type { KeySet } from './key-set.ts';

const FETCH_TIMEOUT_MS = 5_000;

/** What a key source needs. */
export interface KeySourceOptions {
  readonly fetch: (signal: AbortSignal) => Promise<{ readonly keys: readonly JWK[] }>;
  /** Makes keys of what was fetched. */
  readonly read: (fetched: { readonly keys: readonly JWK[] }) => Promise<KeySet>;
  /** After this long keys are fetched anew, while the old ones stay in use. */
  readonly maxAgeMs: number;
  /** The least time between the starts of two fetches, failed ones included, once there are keys. */
  readonly cooldownMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * The platform's public keys, kept. Who publishes them may be down for any time: the last ones stay in use. The price is
 * that a key withdrawn meanwhile is trusted until they can be fetched again.
 */
export interface KeySource {
  /** The keys at hand; `undefined` before the first have come. Begins a fetch behind the scenes when they are old. */
  current(): KeySet | undefined;
  /**
   * Keys that are newer than `current()` if the cooldown allows a fetch (or one is under way), else the same. Never
   * rejects: a fetch that fails leaves what there is.
   */
  refreshed(): Promise<KeySet | undefined>;
  /** Ends a fetch under way and allows no more. */
  close(): void;
}

/** Before the first keys have come, a fetch may follow another this soon: nothing works without them. */
const FIRST_COOLDOWN_MS = 250;

/** Makes a key source and begins the first fetch. */
export function keySource(options: KeySourceOptions): KeySource {
  const { clock, random, log } = options;
  const closing = new AbortController();
  let keys: KeySet | undefined;
  let fetchedAt = -Infinity;
  let attemptedAt = -Infinity;
  let underWay: Promise<void> | undefined;

  async function attempt(): Promise<void> {
    using ctx = createContext({ clock, random, timeoutMs: FETCH_TIMEOUT_MS, signal: closing.signal });
    try {
      const fresh = await options.read(await settledBy(ctx.signal, options.fetch(ctx.signal)));
      if (fresh.keys.length === 0) throw new Error('There is no usable public key in the key set.');
      if (fresh.fingerprint !== keys?.fingerprint) {
        log.info(undefined, 'public keys have changed', { kids: fresh.keys.map((key) => key.kid) });
        keys = fresh;
      }
      fetchedAt = clock.monotonic();
    } catch (error) {
      if (!closing.signal.aborted)
        log.warn(undefined, 'public keys could not be fetched', { error, stale: keys !== undefined });
    }
  }

  /** Begins a fetch if one may begin; answers the one under way. */
  function fetchWithinCooldown(): Promise<void> | undefined {
    const cooldownMs = keys === undefined ? Math.min(FIRST_COOLDOWN_MS, options.cooldownMs) : options.cooldownMs;
    if (underWay === undefined && !closing.signal.aborted && clock.monotonic() - attemptedAt >= cooldownMs) {
      attemptedAt = clock.monotonic();
      underWay = attempt().finally(() => (underWay = undefined));
    }
    return underWay;
  }

  void fetchWithinCooldown();
  return {
    current() {
      if (clock.monotonic() - fetchedAt >= options.maxAgeMs) void fetchWithinCooldown();
      return keys;
    },
    async refreshed() {
      await fetchWithinCooldown();
      return keys;
    },
    close() {
      closing.abort();
    },
  };
}

/** The promise, or the signal's reason: a fetch that ignores its signal must not hold up the next. */
function settledBy<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // `as`: a Context's signal aborts with an Error, always.
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
