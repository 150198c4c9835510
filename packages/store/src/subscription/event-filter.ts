import { hash } from 'node:crypto';
import type { LoggedEvent } from '../log/log-types.ts';

/** Which events concern a subscription: those that fit all that is given. */
export interface EventFilter {
  /** Of this stream, such as `order-42`. */
  readonly stream?: string;
  /** Of streams whose name up to the first `-` is this, such as `order`. */
  readonly category?: string;
  /** Of one of these types. */
  readonly types?: readonly string[];
  /** Of this tenant. */
  readonly tenant?: string;
}

/** A filter as a question. */
export function eventFilter(filter: EventFilter): (event: LoggedEvent) => boolean {
  const { stream, category, tenant } = filter;
  const types = filter.types === undefined ? undefined : new Set(filter.types);
  return (event) =>
    (stream === undefined || event.stream === stream) &&
    (category === undefined || categoryOf(event.stream) === category) &&
    (types === undefined || types.has(event.type)) &&
    (tenant === undefined || event.tenant === tenant);
}

/** The shard that the events of a key belong to. The same for ever: cursors depend on it. */
export function shardOf(key: string, count: number): number {
  return count === 1 ? 0 : Number.parseInt(hash('md5', key).slice(0, 8), 16) % count;
}

function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
}
