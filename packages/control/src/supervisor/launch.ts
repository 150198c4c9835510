/** How a launched process ended. */
export interface LaunchExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One run of an instance: a process from its launch to its end. */
export interface Launched {
  readonly pid: number | undefined;
  /** Resolves with its URL once it takes work; stays pending when it ends before. Never rejects. */
  readonly ready: Promise<string | undefined>;
  /** Resolves once it has ended and everything it wrote was read. Never rejects. */
  readonly exited: Promise<LaunchExit>;
  /** Asks it to end, ends it by force after `graceMs` (0: at once), and resolves once it has ended. */
  stop(graceMs: number): Promise<void>;
  /** Tells it something; nothing happens when it can't hear. */
  send?(message: object): void;
}

/**
 * Starts an instance's process. `previousUrl` is where the run before was reached, so that the next one can be reached there too.
 * A rejection counts as an exit.
 */
export type Launch = (previousUrl: string | undefined) => Promise<Launched>;
