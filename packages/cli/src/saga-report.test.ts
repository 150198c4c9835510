import { expect, test } from 'vitest';
import { palette } from './colour.ts';
import { sagaReport } from './saga-report.ts';

test('a run shows its records with their times, what fails, and what may be decided', () => {
  const run = {
    service: 'orders',
    saga: 'checkout',
    id: 'order-42',
    tenant: 'acme',
    status: 'needs-attention',
    startedAt: 1_000,
    updatedAt: 4_000,
    attributes: { card: 'visa' },
    failure: { code: 'UNAVAILABLE', kind: 'unavailable', message: 'Billing is\u001b[31m away.' },
    input: { orderId: 'order-42' },
    state: null,
    result: null,
    journal: [
      { kind: 'step', name: 'reserve', occurrence: 1, at: 1_020, result: { reservation: 'r-7' } },
      { kind: 'step', name: 'charge', occurrence: 2, at: 2_000, failure: { code: 'DECLINED', message: 'No money.' } },
    ],
    failing: [
      { step: 'undo step reserve #1', attempts: 100, failure: { code: 'UNAVAILABLE', message: 'Away.' }, nextAt: 0 },
    ],
    signals: [{ name: 'approved', data: { by: 'ada' }, at: 3_000 }],
  };
  expect(sagaReport(run, palette(false), 61_000).map((line) => line.trimEnd())).toEqual([
    'orders checkout order-42  needs-attention',
    'started 60 s ago, tenant acme, card=visa',
    'UNAVAILABLE: Billing is away.',
    '',
    'input   {"orderId":"order-42"}',
    '',
    '  +20 ms    step  reserve    {"reservation":"r-7"}',
    '  +1000 ms  step  charge #2  DECLINED: No money.',
    '  failing  undo step reserve #1, 100 attempts: UNAVAILABLE: Away.',
    '',
    'Signals that it has not taken:',
    '  approved {"by":"ada"}',
    '',
    'fairlead saga retry orders checkout order-42   lets it go on; skip takes what fails as done, resolve ends it as it is',
  ]);
});
