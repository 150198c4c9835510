/*
 * Projections: views that are made of events. Around this file:
 *   projection-types.ts  what they are written with    target.ts         documents or tables
 *   build.ts             a view as it is being made     standing.ts       which builds there are, and which is read
 *   standing-docs.ts     where that is kept             keeper.ts         makes builds, swaps, clears away
 *   write-events.ts      events into a view             inline.ts         in the transaction that appends
 *   feed.ts log-feed.ts  where a build's events come from
 *   view.ts              reading                        views.ts          all of a service
 */
import { decodeEvent, type Contract } from '@fairlead/contract';
import type { LoggedEvent } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { AnyStep, Projection, ProjectionDefinition, Target } from './projection-types.ts';

const DEFAULTS = { mode: 'async', shards: 1, trimmed: 'refuse' } as const;
/** With room for `projection.`, version and number in a name of 512 characters, and for suffixes of tables. */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const MAX_NAME = 100;
const MAX_SHARDS = 64;

/**
 * Says how a view is made of the events of the service's own log. What it gives is a definition and runs nothing: list it in the
 * service's `projections`, read it with `kit.view(it)`.
 *
 * ```ts
 * projection({ name: 'order', version: 1, of: ordersContract, into: documents<Order>(),
 *   on: { 'order.placed': (_none, { data }) => ({ … }), 'order.cancelled': (order) => order && { …order, status: 'cancelled' } } })
 * ```
 * @throws MISCONFIGURED naming the option
 */
export function projection<C extends Contract, T extends Target>(
  definition: ProjectionDefinition<C, T>,
): Projection<C, T> {
  const { name, version, of, into, on, key, category, before } = definition;
  const { mode, shards, trimmed } = { ...DEFAULTS, ...definition };
  checkName('projection', name);
  const problem = firstProblem();
  if (problem !== undefined) throw fail('MISCONFIGURED', `projection("${name}"): ${problem}`);
  // Each step is called with events of its own type, decoded below, and with what its target gives.
  const steps = new Map(Object.entries(on) as [string, AnyStep][]);

  function firstProblem(): string | undefined {
    if (!Number.isInteger(version) || version < 1) return `version is ${version}; give a whole number from 1.`;
    if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS)
      return `shards is ${shards}; give a whole number from 1 to ${MAX_SHARDS}.`;
    const types = Object.keys(on);
    const unknown = types.find((type) => !Object.hasOwn(of.events, type));
    if (unknown !== undefined)
      return `on["${unknown}"]: ${of.name} has no such event. It has ${Object.keys(of.events).join(', ') || 'none'}.`;
    if (types.length === 0) return 'on is empty. Write what is done with at least one type of events.';
    if (key !== undefined && into.kind === 'tables')
      return 'key says which document an event is for; tables have none.';
    if (before !== undefined && (before.name !== name || before.version >= version))
      return `before is "${before.name}" of version ${before.version}; give the same projection of a lower version.`;
    return undefined;
  }

  function keysOf(event: LoggedEvent): readonly string[] {
    if (key === undefined) return [event.key];
    // `decoded` made its data by the contract.
    const keys = key(event as Parameters<typeof key>[0]);
    return keys === undefined ? [] : typeof keys === 'string' ? [keys] : keys;
  }

  const types = [...steps.keys()];
  return Object.freeze({
    name,
    version,
    of,
    into,
    mode,
    shards,
    category,
    trimmed,
    before,
    types,
    keysOf,
    step: (type: string) => steps.get(type),
  });
}

/**
 * An event with its data read by the contract, as steps get it.
 * @throws INVALID_EVENT when it does not fit
 */
export function decoded(of: Contract, event: LoggedEvent): LoggedEvent {
  return { ...event, data: decodeEvent(of, event.type, event.data) };
}

/** @throws MISCONFIGURED */
export function checkName(what: string, name: string): void {
  if (NAME.test(name) && name.length <= MAX_NAME) return;
  throw fail(
    'MISCONFIGURED',
    `${what}("${name}"): a name is lower-case words with dashes between them, at most ${MAX_NAME} characters.`,
  );
}
