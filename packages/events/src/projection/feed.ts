import type { Closeable, Context } from '@fairlead/core';

/** What brings events to a build. */
export interface Feed extends Closeable {
  /** Where it stands, over all processes. */
  progress(ctx: Context): Promise<Progress>;
  /** Gives up what it remembers: a feed of this name would begin anew. Once it is closed. */
  forget(ctx: Context): Promise<void>;
}

/** How far a build is. */
export interface Progress {
  /** How long the oldest event that it lacks has been there, in milliseconds; 0 when it lacks none. */
  readonly lagMs: number;
  /** Events that failed, and those that wait behind them; what they would write is missing. */
  readonly parked: number;
  /** Of a replica: everything up to this position of its owner's log is written, parked, or not for it. */
  readonly asOf?: string;
  /** Why it can't go on without a decision. Default: it goes on. */
  readonly stopped?: { readonly code: string; readonly message: string };
}
