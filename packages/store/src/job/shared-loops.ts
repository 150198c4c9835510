import type { Leases } from '../lease/lease-types.ts';
import type { Queue } from './job-types.ts';
import { QueueLoop, type LoopGround } from './queue-loop.ts';

/** A loop and what it was made for. */
interface Shared {
  readonly loop: QueueLoop;
  readonly ground: LoopGround;
  readonly queue: Queue<unknown>;
}

/** Loops by the leases that their jobs hang on. */
const LOOPS = new WeakMap<Leases, readonly Shared[]>();

/**
 * The loop of a queue: the one that other workers of this process have, if they were given the same queue, database, leases, clock,
 * random and telemetry; otherwise a new one.
 */
export function loopOf(ground: LoopGround, queue: Queue<unknown>): QueueLoop {
  const all = (LOOPS.get(ground.leases) ?? []).filter(({ loop }) => !loop.ended);
  const found = all.find((each) => each.queue === queue && isSame(each.ground, ground));
  if (found !== undefined) return found.loop;
  const loop = new QueueLoop(ground, queue);
  LOOPS.set(ground.leases, [...all, { loop, ground, queue }]);
  return loop;
}

function isSame(a: LoopGround, b: LoopGround): boolean {
  return a.database === b.database && a.clock === b.clock && a.random === b.random && a.telemetry === b.telemetry;
}
