import { createContext, realRandom, virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { account } from './account.fixture.ts';
import { streamOf } from './decider-stream.ts';
import { fold } from './fold.ts';
import { unplainAt } from './plain-json.ts';
import { currentVersion } from './upcast.ts';

type Options = NonNullable<Parameters<typeof account>[0]>;
const Account = account();

test.each<[string, object, RegExp]>([
  ['a name with a dash', { name: 'bank-account' }, /decider's name is "bank-account"; give 1 to 64/],
  ['no name', { name: '' }, /decider's name is ""/],
  [
    'an evolve that is no function',
    { evolve: { ...Account.evolve, 'account.closed': 1 } },
    /evolve\["account.closed"\] is not/,
  ],
  ['an upcaster of no type', { upcast: { 'account.close': {} } }, /Did you mean "account.closed"\?/],
  [
    'an upcaster from version 0',
    { upcast: { 'account.closed': { 0: () => 1 } } },
    /upcast\["account.closed"\]\[0\] is not/,
  ],
  [
    'an upcaster that is no function',
    { upcast: { 'account.closed': { 1: 'x' } } },
    /upcast\["account.closed"\]\[1\] is not/,
  ],
  ['a type that is known and ignored', { ignore: ['account.closed'] }, /is in ignore and in evolve/],
  ['a snapshot each 0 events', { snapshot: { every: 0 } }, /snapshot.every is 0; give a whole number from 1/],
  ['a snapshot of version 1.5', { snapshot: { version: 1.5 } }, /snapshot.version is 1.5/],
])('%s is refused when the decider is made', (_what, options, message) => {
  expect(() => account(options as Options)).toThrow(message);
});

describe('old events', () => {
  type Stored = { readonly type: string; readonly schemaVersion: number; readonly data: unknown };
  const Lifting = account({
    upcast: {
      'account.changed': {
        1: (data: { readonly euros: number }) => ({ amount: data.euros }),
        2: (data: { readonly amount: number }) => ({ cents: data.amount * 100 }),
      },
    },
  });
  const stateOf = (of: typeof Account, ...events: readonly Stored[]) =>
    fold(
      of,
      'account-1',
      of.initial('1'),
      events.map((event, index) => ({ ...event, version: index + 1 })),
    );
  const changed = (schemaVersion: number, data: unknown): Stored => ({ type: 'account.changed', schemaVersion, data });
  const codeOf = (run: () => unknown): unknown => {
    try {
      run();
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test('are lifted from version to version, each by its own', () => {
    expect(currentVersion(Lifting, 'account.changed')).toBe(3);
    expect(currentVersion(Lifting, 'account.closed')).toBe(1);
    const events = [changed(1, { euros: 1 }), changed(2, { amount: 2 }), changed(3, { cents: 5 })];
    expect(stateOf(Lifting, ...events)).toMatchObject({ cents: 305 });
    expect(events[0]?.data).toEqual({ euros: 1 });
  });

  test.each<[string, Options, Stored, object]>([
    [
      'of a version for which there is no upcaster',
      { upcast: { 'account.changed': { 2: (data) => data } } },
      changed(1, {}),
      {
        code: 'UPCASTER_FAILED',
        details: { from: 1 },
        message: expect.stringMatching(/event 1 .* Add upcast\["account.changed"\]\[1\]/),
      },
    ],
    [
      'of a newer version than the code has',
      {},
      changed(2, {}),
      { code: 'EVENT_TOO_NEW', kind: 'unavailable', message: expect.stringContaining('finish the rollout') },
    ],
    [
      'whose upcaster throws',
      {
        upcast: {
          'account.changed': {
            1: () => {
              throw new TypeError('no euros');
            },
          },
        },
      },
      changed(1, {}),
      { code: 'UPCASTER_FAILED', cause: new TypeError('no euros') },
    ],
    [
      'whose upcaster answers nothing',
      { upcast: { 'account.changed': { 1: () => {} } } },
      changed(1, {}),
      { code: 'UPCASTER_FAILED', message: expect.stringContaining('answered nothing') },
    ],
    ['of an unknown type', {}, { type: 'constructor', schemaVersion: 1, data: {} }, { code: 'EVENT_TYPE_UNKNOWN' }],
    [
      'that evolve throws at',
      {
        evolve: {
          ...Account.evolve,
          'account.changed': () => {
            throw new TypeError('odd');
          },
        },
      },
      changed(1, {}),
      { code: 'EVOLVE_FAILED', cause: new TypeError('odd') },
    ],
    [
      'of which evolve makes nothing',
      { evolve: { ...Account.evolve, 'account.changed': () => undefined as never } },
      changed(1, {}),
      { code: 'EVOLVE_FAILED', message: expect.stringContaining('answered nothing. Return the state') },
    ],
    [
      'of which evolve makes a promise',
      { evolve: { ...Account.evolve, 'account.changed': () => Promise.resolve() as never } },
      changed(1, {}),
      { code: 'EVOLVE_FAILED', message: expect.stringContaining('a promise') },
    ],
  ])('%s stop the read and are named', (_what, options, event, error) => {
    const thrown = codeOf(() => stateOf(account(options), event));
    expect(thrown).toMatchObject(error);
    expect(thrown).toMatchObject({ message: expect.stringContaining('account-1: event 1') });
  });
});

test('no two ids of two tenants have one stream, whatever they are called', () => {
  const ctx = createContext({ clock: virtualClock(), random: realRandom() });
  const name = fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F', '-'), maxLength: 4 });
  const place = fc.record({ tenant: fc.option(name, { nil: undefined }), id: name.filter((id) => id !== '') });
  fc.assert(
    fc.property(place, place, (one, other) => {
      const streams = [one, other].map(({ tenant, id }) => streamOf(Account, ctx.derive({ tenant }), id));
      // A tenant without a name is none.
      const same = (one.tenant ?? '') === (other.tenant ?? '') && one.id === other.id;
      if (same) return;
      expect(streams[0]).not.toBe(streams[1]);
      expect(streams[0]).toMatch(/^account-/);
    }),
    { numRuns: 2_000, seed: 3 },
  );
});

test.each<[unknown, string | undefined]>([
  [{ a: [1, 'x', null, { b: true, c: undefined }] }, undefined],
  [Object.assign(Object.create(null) as object, { a: 1 }), undefined],
  [undefined, 'state'],
  [{ a: new Map() }, 'state.a'],
  [{ a: [new Date(0)] }, 'state.a[0]'],
  [{ a: [undefined] }, 'state.a[0]'],
  [{ a: Number.NaN }, 'state.a'],
  [{ a: 1n }, 'state.a'],
  [{ a: { toJSON: () => 1 } }, 'state.a'],
  [{ a: { b: Symbol('x') } }, 'state.a.b'],
])('JSON would give %o back but for %s', (value, at) => {
  expect(unplainAt(value)).toBe(at);
});
