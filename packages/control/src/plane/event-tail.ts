import { fail } from '../errors.ts';
import type { InstanceStatus } from '../running-platform.ts';
import { askAll, itemsOf, serviceNamed, servicesAmong, type AskOptions, type Unanswered } from './ask-instance.ts';

/** Which events to read, and from where. */
export interface TailRequest {
  /** Publishers. Default: every service. */
  readonly service?: readonly string[];
  /** Only events of this type, or, with `*` at its end, of types that begin so. */
  readonly type?: string;
  /** Only events of this key. */
  readonly key?: string;
  /** Without a cursor: events appended at or after this time, in milliseconds since the epoch. Default: now. */
  readonly since?: number;
  /** Where the answer before this one ended. */
  readonly cursor?: string;
  /** How many events are read of each service at most; at most 500. Default 100. */
  readonly limit?: number;
}

/** A piece of what the services have published. */
export interface TailPage {
  /** CloudEvents in the order of their times; those of one service always in the order of its log. */
  readonly items: readonly Readonly<Record<string, unknown>>[];
  /** For the next request. */
  readonly cursor: string;
  /** Events that were read, with those that did not match; 0 means that nothing is left for now. */
  readonly read: number;
  /** A service that did not answer is read later, from where it was. */
  readonly unanswered: readonly Unanswered[];
}

/** Where a service is read from: `12` is a position, `@1700000000000` a time. */
type Places = ReadonlyMap<string, string>;

function readCursor(cursor: string | undefined): Places {
  if (cursor === undefined || cursor === '') return new Map();
  const entries = cursor.split(',').map((entry): readonly [string, string] => {
    const [, service = '', place = ''] = /^([a-z][a-z0-9-]*):(@?\d{1,18})$/.exec(entry) ?? [];
    if (service === '') throw fail('INVALID_INPUT', `"${entry.slice(0, 64)}" is no part of a cursor.`);
    return [service, place];
  });
  return new Map(entries);
}

function questionAt(place: string, limit: number): { readonly path: string } {
  const from = place.startsWith('@') ? `since=${place.slice(1)}` : `after=${place}`;
  return { path: `/internal/events?${from}&limit=${limit}` };
}

function matcher({ type, key }: TailRequest): (event: Readonly<Record<string, unknown>>) => boolean {
  return (event) => {
    if (key !== undefined && event['subject'] !== key) return false;
    if (type === undefined) return true;
    const found = String(event['type']);
    return type.endsWith('*') ? found.startsWith(type.slice(0, -1)) : found === type;
  };
}

function readPage(answer: unknown) {
  const items = itemsOf(answer);
  const position = typeof answer === 'object' && answer !== null && 'position' in answer ? answer.position : undefined;
  if (typeof position !== 'string' || !/^\d{1,18}$/.test(position)) throw new Error('its answer has no position');
  return { items, position };
}

/**
 * Reads on in the logs of several services, each asked for its own: nobody but the owner reads a log. Holds nothing
 * between two requests; what it reads at once is bounded by `limit` and about 2 MiB a service.
 * @throws UNKNOWN_SERVICE, INVALID_INPUT for a malformed cursor
 */
export async function tailEvents(
  instances: readonly InstanceStatus[],
  request: TailRequest,
  options: AskOptions,
): Promise<TailPage> {
  const { service: names = [], limit = 100, since = options.clock.now() } = request;
  const asked = names.length === 0 ? servicesAmong(instances) : names.map((name) => serviceNamed(instances, name));
  const places = new Map(readCursor(request.cursor));
  const placeOf = (name: string): string => places.get(name) ?? `@${Math.floor(since)}`;
  const { answers, unanswered } = await askAll(
    asked,
    ({ name }) => questionAt(placeOf(name), limit),
    readPage,
    options,
  );
  for (const { name } of asked) places.set(name, placeOf(name));
  for (const { service, answer } of answers) {
    // A log that is empty now has no position to go on at: its place in time stays one. What a service keeps to itself is passed.
    if (answer.items.length > 0 || answer.position !== '0') places.set(service, answer.position);
  }
  const matches = matcher(request);
  const items = answers
    .flatMap(({ answer }) => answer.items.filter(matches))
    .toSorted((a, b) => compare(String(a['time']), String(b['time'])));
  return {
    items,
    cursor: [...places].map(([name, place]) => `${name}:${place}`).join(','),
    read: answers.reduce((sum, { answer }) => sum + answer.items.length, 0),
    unanswered,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
