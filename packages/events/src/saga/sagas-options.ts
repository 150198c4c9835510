import type { Tx } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { SagaSet } from './saga-types.ts';
import type { SagasOptions } from './sagas-types.ts';

/** Options with every default filled in. */
export type ResolvedSagasOptions = Required<Omit<SagasOptions<SagaSet>, 'telemetry' | 'txFor' | 'kitFor'>> & {
  readonly telemetry: SagasOptions<SagaSet>['telemetry'];
  readonly kitFor: NonNullable<SagasOptions<SagaSet>['kitFor']>;
  readonly txFor: (tx: Tx) => Tx;
};

const DEFAULTS = { maxActive: 1_000, lingerMs: 1_000, watchMs: 1_000, foreignWaitMs: 5_000 } as const;
const MAX_MS = 2 ** 31 - 1;
const RANGES = {
  maxActive: [1, 100_000],
  lingerMs: [0, MAX_MS],
  watchMs: [10, MAX_MS],
  foreignWaitMs: [10, MAX_MS],
} as const satisfies Record<keyof typeof DEFAULTS, readonly [number, number]>;

/** @throws MISCONFIGURED for a value out of range, named, and for two sagas of one name */
export function resolveSagasOptions<S extends SagaSet, Kit, T extends Tx>(
  options: SagasOptions<S, Kit, T>,
): ResolvedSagasOptions {
  const whole = { ...DEFAULTS, ...withoutUndefined(options) };
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    // Keys of RANGES are those of DEFAULTS.
    const value = whole[name as keyof typeof RANGES];
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw fail('MISCONFIGURED', `sagas: ${name} is ${value}; give a whole number from ${least} to ${most}.`);
  }
  const names = new Set<string>();
  for (const { name } of Object.values(options.sagas)) {
    if (names.has(name))
      throw fail('MISCONFIGURED', `sagas: two of them are called "${name}"; runs are told apart by it.`);
    names.add(name);
  }
  return {
    ...whole,
    telemetry: options.telemetry,
    kitFor: options.kitFor ?? (() => undefined),
    // Without `txFor` a saga of these options takes transactions as they are.
    txFor: options.txFor ?? ((tx) => tx as T),
  };
}

function withoutUndefined<O extends object>(options: O): O {
  // The same members, but for those that say nothing.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O;
}
