import { EXIT_CODES } from '../../exit-codes.ts';

/** How long requests under way have, in milliseconds. */
export const GRACE_MS = 10_000;

/** What a gateway does when it is told something by a signal. */
export interface Asked {
  /** SIGHUP. */
  reload(): Promise<void>;
  /** SIGUSR2. Default: it means nothing, and ends the process, as it does by itself. */
  replace?(): Promise<void>;
  /** It can be told from now on. */
  begun(): void;
  /** The first Ctrl-C or SIGTERM. */
  drain(): Promise<void>;
  /** The second one. Default: the end of this process is enough. */
  cut?(): void;
}

/** Runs until it has drained, or is asked a second time to end. */
export async function untilAsked({ reload, replace, begun, drain, cut }: Asked): Promise<number> {
  const asked = Promise.withResolvers<void>();
  const again = Promise.withResolvers<void>();
  let requests = 0;
  const stop = (): void => {
    requests += 1;
    if (requests === 1) asked.resolve();
    else again.resolve();
  };
  const onReload = (): void => void reload();
  const onReplace = (): void => void replace?.();
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', onReload);
  if (replace !== undefined) process.on('SIGUSR2', onReplace);
  try {
    // Whoever reads it may ask for anything from now on.
    begun();
    await asked.promise;
    const isForced = await Promise.race([drain().then(() => false), again.promise.then(() => true)]);
    if (isForced) cut?.();
    return isForced ? EXIT_CODES.interrupted : EXIT_CODES.done;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', onReload).off('SIGUSR2', onReplace);
  }
}
