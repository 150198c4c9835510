import type { PolicyAnswer } from '@fairlead/control';
import { expect, test } from 'vitest';
import { palette } from './colour.ts';
import { heldCalls } from './held-calls.ts';

/** What the services say of the policies over their calls. */
function answer(...troubles: readonly (string | undefined)[]): PolicyAnswer {
  const items = troubles.map((trouble) => ({
    service: 'payments',
    target: 'billing',
    ...(trouble === undefined ? {} : { trouble }),
    state: {},
  }));
  return { items, partial: false, unanswered: [] };
}

const shown = (policies: PolicyAnswer | undefined) => heldCalls(policies, palette(false)).map((line) => line.trimEnd());

test('status says which calls are held back, and why', () => {
  const why = 'breaker open for 8s: 6 of 6 calls failed (100 %); tries again in 2s';
  expect(shown(answer(undefined, why))).toEqual(['CALLS HELD BACK     WHY', `payments → billing  ${why}`]);
});

test('it says nothing while no calls are, nor while nobody can be asked', () => {
  expect(shown(answer(undefined))).toEqual([]);
  expect(shown(undefined)).toEqual([]);
});

test('what a service says of itself is only ever text', () => {
  expect(shown(answer('red\u001b[31m\nand two lines'))).toEqual([
    'CALLS HELD BACK     WHY',
    'payments → billing  red and two lines',
  ]);
});
