import type { Closeable, Context } from '@fairlead/core';
import type { LoggedEvent } from '@fairlead/store';

/** An event on its way: the producer's log entry and whose log it is. */
export interface PublishedEvent extends LoggedEvent {
  /** Name of the service that published it. CloudEvents `source` is `/<service>`. */
  readonly source: string;
}

/**
 * What carries events between services. The embedded broker is a Postgres database; others are existing engines.
 *
 * A source's events are kept in the order of its log and read by the position they have there, so a copy is idempotent
 * by (source, position) and a reader's cursor means the same in every adapter.
 */
export interface Broker extends Closeable {
  /** The highest position of `source` that the broker holds durably, 0n for none: where its relay goes on. */
  published(ctx: Context, source: string): Promise<bigint>;
  /**
   * Appends events of one source, in order of position, durably when it resolves. Events at or below `published` are
   * skipped, so a repeat after a lost answer changes nothing.
   * @throws FORBIDDEN_SOURCE when these credentials don't own the source
   */
  publish(ctx: Context, source: string, events: readonly PublishedEvent[]): Promise<void>;
  /**
   * The next events of `source` after a position, in order, at most `limit`.
   * @throws FORBIDDEN_SOURCE when the reader's service does not `use` the source
   */
  read(ctx: Context, source: string, options: { after: bigint; limit: number }): Promise<readonly PublishedEvent[]>;
  /** Calls `onEvents` when `source` may hold something new. A hint: readers also look now and then by themselves. */
  watch(source: string, onEvents: () => void): Promise<Closeable>;
}
