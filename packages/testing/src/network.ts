import { FairleadError, type Clock, type Random } from '@fairlead/core';
import type { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';

/** How unkind the simulated network is. */
export interface FaultOptions {
  /** Longest one-way delay, in milliseconds; each crossing draws from 1 to this. Default 20. 0 is refused: nothing is instant. */
  readonly maxDelayMs?: number;
  /** Share of calls between services, and to externals, that are lost on the way there or back. Default 0. */
  readonly lossRatio?: number;
  /** Share of database and broker conversations that break, before or after COMMIT. Default 0. */
  readonly breakRatio?: number;
  /** Virtual time after which nothing is lost or broken any more, in milliseconds from the start. Default 60 000. */
  readonly endMs?: number;
}

/** A loss that is wanted at one place, besides those that are drawn. */
export interface PlannedLoss {
  readonly from: string;
  readonly to: string;
  /** `request`: the callee never hears of it; `answer`: it did the work, and the caller never hears. */
  readonly part: 'request' | 'answer';
}

/** Everything that crosses between two simulated processes crosses here. */
export interface Network {
  /** One crossing: resolves after a drawn delay, never when `process` has died meanwhile. */
  cross(process: SimulatedProcess): Promise<void>;
  /** Whether this part of a call from one to the other is lost now. */
  loses(from: string, to: string, part: PlannedLoss['part']): boolean;
  /** Whether a conversation of `process` with its database breaks now. */
  breaks(process: SimulatedProcess): boolean;
  /** Loses the next such part, once. */
  planLoss(loss: PlannedLoss): void;
}

/** A network whose luck comes from `random`. @throws MISCONFIGURED for a delay below 1 ms or a ratio outside 0–1 */
export function network(clock: Clock, random: Random, trace: Trace, faults: FaultOptions): Network {
  const { maxDelayMs = 20, lossRatio = 0, breakRatio = 0, endMs = 60_000 } = faults;
  requireRange('maxDelayMs', maxDelayMs, 1, 60_000);
  requireRange('lossRatio', lossRatio, 0, 1);
  requireRange('breakRatio', breakRatio, 0, 1);
  const endAt = clock.now() + endMs;
  const planned: PlannedLoss[] = [];
  const unlucky = (ratio: number) => ratio > 0 && clock.now() < endAt && random.next() < ratio;

  return {
    cross(process) {
      const delayMs = 1 + Math.floor(random.next() * maxDelayMs);
      return process.whileAlive(clock.sleep(delayMs));
    },
    loses(from, to, part) {
      const wanted = planned.findIndex((loss) => loss.from === from && loss.to === to && loss.part === part);
      if (wanted >= 0) planned.splice(wanted, 1);
      const lost = wanted >= 0 || unlucky(lossRatio);
      if (lost) trace.add(clock.now(), 'lost', from, to, part);
      return lost;
    },
    breaks(process) {
      const broken = unlucky(breakRatio);
      if (broken) trace.add(clock.now(), 'broken', process.name);
      return broken;
    },
    planLoss: (loss) => void planned.push(loss),
  };
}

function requireRange(option: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new FairleadError(
    'internal',
    'MISCONFIGURED',
    `simulate: faults.${option} is ${value}; it lies between ${least} and ${most}.`,
  );
}
