import type { Clock } from '@fairlead/core';
import type { LimitStore, LimitVerdict } from '@fairlead/policy';
import type { LimitAsk, LimitTold } from './limit-ledger.ts';

/** Limits that another process decides. */
export interface AskedLimits extends LimitStore {
  /** What it has decided. */
  told(verdicts: readonly LimitTold[]): void;
}

/** Questions that wait at most; the oldest are given up. */
const MOST_WAITING = 20_000;

interface Waiting {
  readonly resolve: (verdict: LimitVerdict) => void;
  readonly reject: (error: Error) => void;
}

/** Asks another process, by one message for all questions of a turn: a message costs more than what is asked. */
export function askedLimits(clock: Clock, send: (asks: readonly LimitAsk[]) => void): AskedLimits {
  const waiting = new Map<number, Waiting>();
  let asks: LimitAsk[] = [];
  let lastId = 0;

  function flush(): void {
    const sent = asks;
    asks = [];
    send(sent);
  }

  return {
    admit(_ctx, key, { count, perMs, burst }, cost) {
      lastId += 1;
      const id = lastId;
      if (asks.length === 0) clock.setTimer(0, flush);
      asks.push([id, key, cost, count, perMs, burst]);
      if (waiting.size >= MOST_WAITING) {
        const [oldest] = waiting.keys();
        // `as`: there is one, or this would not be reached.
        const given = oldest as number;
        waiting.get(given)?.reject(new Error('the process that counts does not answer'));
        waiting.delete(given);
      }
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    },
    told(verdicts) {
      for (const [id, available, waitMs] of verdicts) {
        const asked = waiting.get(id);
        waiting.delete(id);
        asked?.resolve(
          waitMs === 0
            ? { kind: 'admitted', available }
            : { kind: 'refused', available, retryAfterMs: waitMs < 0 ? Infinity : waitMs },
        );
      }
    },
  };
}
