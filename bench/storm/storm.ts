import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { policy, type Policy, type PolicySpec } from '@fairlead/policy';
import { Tier } from './tier.ts';

/** How a storm is blown. */
export interface StormOptions {
  /** How clients, and each tier, call the next. */
  readonly call: PolicySpec;
  /** What each process lets in; `undefined` for everything. */
  readonly admission: PolicySpec | undefined;
  readonly seed: string;
}

/** A second of a storm. */
export interface StormSecond {
  /** Seconds since the beginning. */
  readonly at: number;
  /** Calls that clients wanted to make in this second, and that were answered in it, as shares of the capacity. */
  readonly offered: number;
  readonly answered: number;
  /** Requests that reached each tier, as shares of the capacity of the last. */
  readonly requests: readonly number[];
  /** The share of the last tier's processor time that went into rejections. */
  readonly rejecting: number;
}

/** Calm, storm and calm again: seconds, and the load as a share of the capacity. */
export const PHASES = [
  { name: 'before', seconds: 3, load: 0.8 },
  { name: 'overload', seconds: 10, load: 10 },
  { name: 'after', seconds: 10, load: 0.8 },
] as const;

const CLIENTS = 20;
/** How long a person waits. */
const PATIENCE_MS = 5_000;

/**
 * Clients that call a front tier that calls a middle tier that calls a last one, which is the narrowest. Clients and
 * tiers retry. Answered is what a client gets while it still waits.
 */
export async function storm(options: StormOptions): Promise<StormSecond[]> {
  const clock = virtualClock();
  const root = seededRandom(options.seed);
  const random = root.fork('policies');
  const ports = { clock, random };
  const outbound = (): Policy => policy('call', options.call, ports);
  const { admission } = options;
  const inbound = admission === undefined ? undefined : (): Policy => policy('admission', admission, ports);
  const last = new Tier(
    clock,
    root.fork('last'),
    { processes: 2, costMs: 20, inbound, outbound: undefined },
    undefined,
  );
  const middle = new Tier(clock, root.fork('middle'), { processes: 2, costMs: 16, inbound, outbound }, last);
  const front = new Tier(clock, root.fork('front'), { processes: 2, costMs: 16, inbound, outbound }, middle);
  const tiers = [front, middle, last];
  const clients = Array.from({ length: CLIENTS }, outbound);
  const arrivals = root.fork('arrivals');

  let answered = 0;
  let offered = 0;
  const call = async (): Promise<void> => {
    offered++;
    using ctx = createContext({ clock, random, timeoutMs: PATIENCE_MS });
    const client = clients[Math.floor(arrivals.next() * CLIENTS)];
    const decision = await client?.attempt(ctx, (inner) => front.send(inner), { idempotent: true });
    if (decision?.kind === 'ok') answered++;
  };

  const seconds: StormSecond[] = [];
  const capacity = last.capacity;
  for (const phase of PHASES) {
    for (let second = 0; second < phase.seconds; second++) {
      const before = {
        answered,
        offered,
        requests: tiers.map((it) => it.requests),
        rejecting: last.spentMs('rejected'),
      };
      const endMs = clock.monotonic() + 1_000;
      // A Poisson stream of arrivals.
      const gapMs = 1_000 / (phase.load * capacity);
      const arrive = (): void => {
        const delayMs = -Math.log(1 - arrivals.next()) * gapMs;
        if (clock.monotonic() + delayMs >= endMs) return;
        clock.setTimer(delayMs, () => {
          void call();
          arrive();
        });
      };
      arrive();
      await clock.advance(1_000);
      seconds.push({
        at: seconds.length,
        offered: (offered - before.offered) / capacity,
        answered: (answered - before.answered) / capacity,
        requests: tiers.map((it, index) => (it.requests - (before.requests[index] ?? 0)) / capacity),
        rejecting: (last.spentMs('rejected') - before.rejecting) / (last.options.processes * 1_000),
      });
    }
  }
  return seconds;
}
