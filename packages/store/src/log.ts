import type { Tx } from './database.ts';
import type { LoggedEvent, NewEvent } from './log-types.ts';

/** What the stream must be for the append to happen: anything, empty, non-empty, or at exactly this version. */
export type ExpectedVersion = 'any' | 'none' | 'exists' | number;

/** What came of an append. A conflict wrote nothing and leaves the transaction usable. */
export type AppendResult =
  | { readonly kind: 'appended'; readonly events: readonly LoggedEvent[] }
  | { readonly kind: 'conflict'; readonly actual: number };

/** Appends events to one stream in the caller's transaction. */
export async function append(
  tx: Tx,
  stream: string,
  expected: ExpectedVersion,
  events: readonly NewEvent[],
): Promise<AppendResult> {
  throw new Error(`not yet: ${tx.ctx.requestId} ${stream} ${expected} ${events.length}`);
}
