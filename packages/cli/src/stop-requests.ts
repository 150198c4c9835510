import type { Clock, Timer } from '@fairlead/core';

/** Whether and how often somebody asked this process to stop. */
export interface StopRequests {
  /** Aborts at the first request. */
  readonly first: AbortSignal;
  /** Resolves at the first request. */
  readonly asked: Promise<void>;
  /** Resolves at the second. */
  readonly askedAgain: Promise<void>;
  dispose(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const PARENT_POLL_MS = 500;

/**
 * Listens for Ctrl-C, SIGTERM and SIGHUP. Under `npm start` a shell stands between npm and this process, which a signal
 * for npm may end without a word to us: there, losing the parent counts as a request too.
 */
export function stopRequests(env: Readonly<Record<string, string | undefined>>, clock: Clock): StopRequests {
  const first = new AbortController();
  const asked = Promise.withResolvers<void>();
  const again = Promise.withResolvers<void>();
  let timer: Timer | undefined;

  function onRequest(): void {
    if (first.signal.aborted) {
      again.resolve();
      return;
    }
    first.abort(new Error('asked to stop'));
    asked.resolve();
  }

  function watchParent(parent: number): void {
    timer = clock.setTimer(PARENT_POLL_MS, () => {
      if (process.ppid === parent) watchParent(parent);
      else onRequest();
    });
  }

  for (const signal of SIGNALS) process.on(signal, onRequest);
  if (env['npm_lifecycle_event'] !== undefined) watchParent(process.ppid);
  return {
    first: first.signal,
    asked: asked.promise,
    askedAgain: again.promise,
    dispose() {
      for (const signal of SIGNALS) process.off(signal, onRequest);
      timer?.cancel();
    },
  };
}
