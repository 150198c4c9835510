/** A queue for something that only one may use at a time. */
export interface Turns {
  /** Runs `work` when everyone before has finished. One whose signal aborts while waiting leaves the queue at once. */
  take<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
}

const QUEUES = new WeakMap<object, Turns>();

/** The queue of an instance: the same one for all who ask. */
export function turnsOf(instance: object): Turns {
  const turns = QUEUES.get(instance) ?? createTurns();
  QUEUES.set(instance, turns);
  return turns;
}

function createTurns(): Turns {
  const waiting = new Set<() => void>();
  let busy = false;

  function next(): void {
    const [start] = waiting;
    busy = start !== undefined;
    if (start === undefined) return;
    waiting.delete(start);
    start();
  }

  return {
    async take(signal, work) {
      signal?.throwIfAborted();
      if (busy) await queued(signal);
      busy = true;
      try {
        return await work();
      } finally {
        next();
      }
    },
  };

  function queued(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiting.delete(start);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.add(start);
    });
  }
}
