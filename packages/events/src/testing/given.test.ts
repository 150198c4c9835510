import fc from 'fast-check';
import { expect, test } from 'vitest';
import { account, type Account, type AccountCommand } from '../decider/account.fixture.ts';
import { commandSequence } from './command-sequence.ts';
import { given } from './given.ts';

const Account = account();
const opened = { type: 'account.opened', data: { owner: 'ann' } } as const;
const changed = (cents: number) => ({ type: 'account.changed', data: { cents } }) as const;

test('given events, when a command comes, then events, a state or a rejection follow', () => {
  given(Account)
    .when({ type: 'deposit', cents: 5 })
    .thenEvents(opened, changed(5))
    .thenState({ status: 'open', cents: 5 });
  given(Account, opened, changed(5)).when({ type: 'withdraw', cents: 6 }).thenRejected('TOO_LITTLE');
  given(Account, opened).when({ type: 'deposit', cents: 0 }).thenNothing().thenState({ status: 'open', cents: 0 });
});

test('a check that does not hold fails', () => {
  const when = given(Account, opened, changed(5)).when({ type: 'withdraw', cents: 5 });
  expect(() => when.thenEvents(changed(-4))).toThrow(/-5/);
  expect(() => when.thenNothing()).toThrow();
  expect(() => when.thenRejected('CLOSED')).toThrow(/Expected a rejection; it was decided/);
  expect(() => when.thenState({ status: 'open', cents: 5 })).toThrow();
  expect(() => when.thenThrows('X')).toThrow(/Expected an error/);
  const rejection = given(Account, opened).when({ type: 'withdraw', cents: 5 });
  expect(() => rejection.thenEvents()).toThrow(/Expected events; it was rejected/);
  expect(() => rejection.thenRejected('CLOSED')).toThrow(/CLOSED/);
});

test('what decide throws can be expected, and is the cause where it was not', () => {
  const error = Object.assign(new Error('no'), { code: 'NO' });
  const Broken = account({
    decide: () => {
      throw error;
    },
  });
  const when = given(Broken).when({ type: 'close' });
  when.thenThrows('NO').thenThrows((thrown) => thrown === error);
  expect(() => when.thenThrows('YES')).toThrow(error);
  expect(() => when.thenNothing()).toThrow(expect.objectContaining({ cause: error }));
});

const command = fc.oneof<fc.Arbitrary<AccountCommand>[]>(
  fc.record({ type: fc.constant('deposit'), cents: fc.nat(100) }),
  fc.record({ type: fc.constant('withdraw'), cents: fc.nat(100) }),
  fc.constant({ type: 'close' }),
);
const solvent = ({ cents }: Account): void => expect(cents).toBeGreaterThanOrEqual(0);
const holds = (of: typeof Account): void =>
  fc.assert(
    fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
      const { state, events } = commandSequence(of, commands, {
        invariant: solvent,
        each: (before, outcome) => {
          if (before.status === 'closed') expect(outcome).toMatchObject({ kind: 'rejected', reason: 'CLOSED' });
        },
      });
      expect(events.filter(({ type }) => type === 'account.closed').length).toBe(state.status === 'closed' ? 1 : 0);
    }),
    { numRuns: 200, seed: 7, includeErrorInReport: true },
  );

test('whatever an account is asked, it is never overdrawn, and closed for good', () => holds(Account));

test.each<[string, Parameters<typeof account>[0], RegExp]>([
  [
    'an invariant that is broken',
    { decide: (asked) => ({ type: 'account.changed', data: { cents: asked.type === 'withdraw' ? -asked.cents : 0 } }) },
    /expected -\d+ to be greater than or equal to 0/,
  ],
  [
    'a state that is changed in place',
    {
      evolve: {
        ...Account.evolve,
        'account.changed': (state, { cents }) => Object.assign(state, { cents: state.cents + cents }),
      },
    },
    /changed the state in place/,
  ],
  ['a decision that is another one each time', { decide: anotherEachTime() }, /gave something else for the same/],
  [
    'a state that no snapshot can have',
    { evolve: { ...Account.evolve, 'account.opened': (state) => ({ ...state, at: new Date(0), status: 'open' }) } },
    /would not have state\.at as it is/,
  ],
])('%s is found', (_what, options, message) => {
  expect(() => holds(account(options))).toThrow(message);
});

function anotherEachTime() {
  let n = 0;
  return () => changed((n += 1));
}
