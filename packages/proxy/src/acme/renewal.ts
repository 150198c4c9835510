import { X509Certificate } from 'node:crypto';
import { FairleadError, type Clock, type Random } from '@fairlead/core';
import type { Logger } from '@fairlead/telemetry';
import type { AcmeStorage, OrderLock } from './acme-storage.ts';
import type { IssuedCertificate } from './order-certificate.ts';

/** What keeps a certificate renewed. */
export interface RenewalOptions {
  readonly names: readonly string[];
  readonly storage: AcmeStorage;
  /** Orders one; the signal ends it. */
  readonly order: (signal: AbortSignal) => Promise<IssuedCertificate>;
  /** Told when this process has got one. */
  readonly onIssued: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The share of its life after which a certificate is renewed, plus up to so much, so that many don't come at once. */
const RENEW_AT = 2 / 3;
const RENEW_JITTER = 1 / 30;
/** How long an order may take. */
const ORDER_MS = 10 * 60_000;
/** The right to order lasts so long when its holder has died, and is extended so often before. */
const LOCK_MS = 60_000;
const EXTEND_EVERY_MS = 20_000;
/** How soon it is looked whether another process has done what was to be done. */
const OTHERS_MS = 10_000;
/** A certificate in the folder may be replaced by hand: it is looked at at least so often. */
const LOOK_MS = 60 * 60_000;
/** After failures: an authority that refuses counts them, one that can't be reached does not. */
const REFUSED = { baseMs: 60_000, maxMs: 60 * 60_000 };
const UNREACHABLE = { baseMs: 10_000, maxMs: 10 * 60_000 };

/**
 * Orders a certificate when there is none, and another one after two thirds of its life. A failure leaves what there is; the next
 * order comes later and later, and not before the authority wants it. Of the processes that share a storage one orders.
 */
export function keepRenewed(options: RenewalOptions): { close(): Promise<void> } {
  const { names, storage, clock, random, log } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const jitter = RENEW_AT + RENEW_JITTER * random.next();

  /** Does what is to be done; how long until there may be more, in milliseconds. */
  async function turn(): Promise<number> {
    const dueMs = renewalDueMs(await storage.issued(), jitter);
    const nowMs = clock.now();
    if (dueMs > nowMs) return Math.min(LOOK_MS, dueMs - nowMs);
    const pause = await storage.pause();
    if (pause !== undefined && pause.untilMs > nowMs) return Math.min(LOOK_MS, pause.untilMs - nowMs);
    const lock = await storage.lock(LOCK_MS);
    if (lock === undefined) return OTHERS_MS;
    try {
      // Another process may have got one between our two looks.
      if (renewalDueMs(await storage.issued(), jitter) > clock.now()) return OTHERS_MS;
      return await ordered(lock, pause?.failures ?? 0);
    } finally {
      await lock.release();
    }
  }

  async function ordered(lock: OrderLock, failures: number): Promise<number> {
    const giveUp = new AbortController();
    const ended = AbortSignal.any([signal, giveUp.signal]);
    const late = clock.setTimer(ORDER_MS, () => giveUp.abort(new Error(`it took more than ${ORDER_MS / 60_000} min`)));
    const extending = extend(lock, ended).catch((error: unknown) => giveUp.abort(error));
    try {
      const issued = await options.order(ended);
      await storage.keep(issued);
      const expiresAtMs = Date.parse(new X509Certificate(issued.cert).validTo);
      // One that is to be renewed at once, by its dates, must not be ordered over and over.
      const restMs = Math.min(LOOK_MS, Math.max(OTHERS_MS, (expiresAtMs - clock.now()) / 4));
      await storage.setPause({ untilMs: clock.now() + restMs, failures: 0 });
      log.info(undefined, 'a certificate was issued', { names, expiresAt: new Date(expiresAtMs).toISOString() });
      options.onIssued();
      return OTHERS_MS;
    } catch (error) {
      if (signal.aborted) throw error;
      const waitMs = delayAfter(error, failures, random);
      await storage.setPause({ untilMs: clock.now() + waitMs, failures: failures + 1 });
      const nextAt = new Date(clock.now() + waitMs).toISOString();
      log.warn(undefined, 'a certificate could not be issued; what there is stays', { names, nextAt, error });
      return waitMs;
    } finally {
      late.cancel();
      giveUp.abort();
      await extending;
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      let waitMs: number;
      try {
        waitMs = await turn();
      } catch (error) {
        if (signal.aborted) return;
        // The folder can't be read or written.
        log.error(undefined, 'certificates can not be kept', { names, error });
        waitMs = OTHERS_MS;
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** Keeps the right to order for as long as it takes. */
  async function extend(lock: OrderLock, ended: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(EXTEND_EVERY_MS, ended).catch(() => undefined);
      if (ended.aborted) return;
      if (!(await lock.extend(LOCK_MS))) throw new Error('another process orders instead');
    }
  }

  const running = run();
  return {
    async close() {
      closing.abort(new Error('the gateway ends'));
      await running;
    },
  };
}

/** When a certificate is to be renewed, at that share of its life, in milliseconds since 1970; 0 when there is none. */
export function renewalDueMs(issued: IssuedCertificate | undefined, share: number): number {
  if (issued === undefined) return 0;
  try {
    const { validFrom, validTo } = new X509Certificate(issued.cert);
    const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)];
    return fromMs + (toMs - fromMs) * share;
  } catch {
    return 0;
  }
}

/** How long to wait after a failure, in milliseconds: doubled each time, a quarter more or less, and what the authority wants. */
export function delayAfter(error: unknown, failures: number, random: Random): number {
  const isUnreachable = error instanceof FairleadError && error.code === 'ACME_UNREACHABLE';
  const { baseMs, maxMs } = isUnreachable ? UNREACHABLE : REFUSED;
  const grownMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30)) * (0.75 + 0.5 * random.next());
  return Math.max(grownMs, error instanceof FairleadError ? (error.retryAfterMs ?? 0) : 0);
}
