import { errorFromProblem, toProblem } from '@fairlead/core';
import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { declaredError, isDeclaredError } from './declared-error.ts';
import { defineContract } from './contract.ts';
import { operation } from './operation.ts';

const { charge } = defineContract({
  name: 'billing',
  version: '1.0.0',
  operations: {
    charge: operation({
      method: 'POST',
      path: '/charges',
      output: z.object({}),
      errors: { CARD_DECLINED: 'unprocessable', BUSY: 'exhausted' },
    }),
  },
}).operations;

test('an error that an operation declares reaches its caller with code, details and status over a problem document', () => {
  const thrown = declaredError(charge, 'CARD_DECLINED', 'The card was refused.', { details: { card: '…42' } });
  const problem = toProblem(thrown);
  expect(problem).toMatchObject({
    status: 422,
    code: 'CARD_DECLINED',
    type: 'urn:fairlead:problem:card-declined',
    card: '…42',
  });
  const caught: unknown = errorFromProblem(JSON.parse(JSON.stringify(problem)), problem.status);
  expect(isDeclaredError(caught, charge, 'CARD_DECLINED')).toBe(true);
  expect(isDeclaredError(caught, charge, 'BUSY')).toBe(false);
  if (isDeclaredError(caught, charge, 'CARD_DECLINED')) expectTypeOf(caught.code).toEqualTypeOf<'CARD_DECLINED'>();
});

test('codes that an operation does not declare do not compile', () => {
  // @ts-expect-error: misspelt
  expect(declaredError(charge, 'CARD_DECLIND', '').kind).toBe('internal');
  // @ts-expect-error: misspelt
  expect(isDeclaredError(new Error('x'), charge, 'BUSSY')).toBe(false);
});
