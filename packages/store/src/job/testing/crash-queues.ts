import { queue } from '../queue.ts';

/** A job of the crash test. */
export interface Payload {
  readonly n: number;
  /** Kills whoever begins it. */
  readonly poison?: boolean;
}

const OPTIONS = { attempts: 200, backoff: { base: '10ms', cap: '50ms' }, concurrency: 6, prefetch: 3 } as const;

/** Jobs whose effect is committed with their end. */
export const EXACT = queue<Payload>('exact', OPTIONS);
/** Jobs that write on their own. */
export const LOOSE = queue<Payload>('loose', OPTIONS);
