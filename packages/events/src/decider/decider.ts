/*
 * Commands to events. Around this file:
 *   decider-types.ts  what a decider is made of            handle.ts         a command, from load to append
 *   handle-types.ts   what comes of it                     attempt.ts        once through that
 *   decision.ts       what decide has answered, checked    facts.ts          its events as the log takes them
 *   load.ts           the present state, and its snapshot  fold.ts           events into a state
 *   upcast.ts         old events as today's                decider-stream.ts names of streams
 *   snapshot.ts       states that are kept                 plain-json.ts     what JSON keeps as it is
 *   state-of.ts       what a state is, was, and how it came about
 */
import { hash } from 'node:crypto';
import { nearest } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { Decider, DeciderOptions, DomainEvent, Rejection, ResolvedSnapshot, Upcaster } from './decider-types.ts';

const SNAPSHOT_DEFAULTS: ResolvedSnapshot = { every: 100, bytes: 256 * 1024, version: 1 };

/**
 * Defines a kind of stream by pure functions: `decide` says what a command comes to in a state, `evolve` what an event makes of one
 * (Jérémie Chassaing, "Functional Event Sourcing Decider", 2021). `handle` runs commands, `stateOf` reads states.
 *
 * Give the types: `decider<Command, Event, State, Reason>({ … })`. `Reason` is what rejections say; `never` when there are none.
 * @throws MISCONFIGURED for a name that no stream can have, an `evolve` or upcaster that is no function, a snapshot option out of
 *   range
 */
export function decider<Command, Event extends DomainEvent, State, Reason = never>(
  options: DeciderOptions<Command, Event, State, Reason>,
): Decider<Command, Event, State, Reason> {
  const { name, initial, decide, evolve, ignore = [], tenancy = 'context' } = options;
  // Its keys are types of events; that some may be left out makes no difference to who looks them up.
  const upcast = (options.upcast ?? {}) as Readonly<Record<string, Readonly<Record<number, Upcaster>>>>;
  const types = Object.keys(evolve);
  if (!/^[^-/\0]{1,64}$/.test(name))
    throw misconfigured(`a decider's name is ${JSON.stringify(name)}; give 1 to 64 characters without "-" and "/".`);
  for (const [type, one] of Object.entries<unknown>(evolve))
    if (typeof one !== 'function') throw misconfigured(`decider "${name}": evolve["${type}"] is not a function.`);
  for (const [type, lifts] of Object.entries(upcast)) {
    if (!types.includes(type)) throw misconfigured(`decider "${name}": upcast["${type}"]${unknown(type, types)}`);
    for (const [from, lift] of Object.entries<unknown>(lifts))
      if (!/^[1-9]\d{0,8}$/.test(from) || typeof lift !== 'function')
        throw misconfigured(
          `decider "${name}": upcast["${type}"][${from}] is not a function of the data of a schema version from 1.`,
        );
  }
  const both = ignore.find((type) => types.includes(type));
  if (both !== undefined)
    throw misconfigured(`decider "${name}": "${both}" is in ignore and in evolve. Take it from one of them.`);
  const snapshot = options.snapshot === false ? undefined : { ...SNAPSHOT_DEFAULTS, ...options.snapshot };
  for (const [option, value] of Object.entries(snapshot ?? {}))
    if (!Number.isSafeInteger(value) || value < 1)
      throw misconfigured(`decider "${name}": snapshot.${option} is ${value}; give a whole number from 1.`);
  const code = [name, initial, ...functionsOf(evolve), ...Object.entries(upcast).flatMap(functionsIn), ...ignore];
  const fingerprint = `${snapshot?.version ?? 0}.${hash('sha256', code.map(String).join('\n')).slice(0, 16)}`;
  return Object.freeze({
    name,
    initial,
    decide,
    evolve,
    upcast,
    snapshot,
    ignore: new Set(ignore),
    tenancy,
    fingerprint,
  });
}

/** A decision that nothing happens: `return rejected({ code: 'ALREADY_PAID' })`. */
export function rejected<const Reason>(reason: Reason): Rejection<Reason> {
  return { kind: 'rejected', reason };
}

function functionsOf(functions: object): unknown[] {
  return Object.entries(functions)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flat();
}

function functionsIn([type, functions]: [string, object]): unknown[] {
  return [type, ...functionsOf(functions)];
}

function unknown(type: string, types: readonly string[]): string {
  const near = nearest(type, types);
  return near === undefined
    ? ` is of no type in evolve (${types.join(', ')}).`
    : ` is of no type in evolve. Did you mean "${near}"?`;
}

function misconfigured(message: string): Error {
  return fail('MISCONFIGURED', message);
}
