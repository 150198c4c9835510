import { expect, test } from 'vitest';
import type { LimitReport } from '../engine/filter.ts';
import { ledgerReports } from './ledger-reports.ts';
import { LimitLedger } from './limit-ledger.ts';

const REPORT: LimitReport = {
  name: 'strangers',
  by: 'ip',
  isShared: true,
  who: 'ip',
  keys: 0,
  maxKeys: 10_000,
  overflowed: 0,
  admitted: 7,
  refused: 1,
  rates: [{ rate: '10/s', burst: 10, near: [] }],
};

function ledger() {
  const made = new LimitLedger();
  const asked = { '10.0.0.1': 9, '10.0.0.2': 5, '10.0.0.3': 10 };
  for (const [key, times] of Object.entries(asked)) {
    for (let time = 0; time < times; time += 1) made.decide([0, `strangers:0:${key}`, 1, 10, 1_000, 10], 0);
  }
  made.decide([0, 'others:0:10.0.0.9', 1, 1, 1_000, 1], 0);
  return made;
}

test('who is near a limit that all members share is told once, the nearest first', () => {
  const told = ledgerReports(ledger(), [REPORT, REPORT], { share: 0.5, most: 2 }, 0);
  expect(told).toMatchObject([
    {
      keys: 3,
      admitted: 0,
      refused: 0,
      rates: [
        {
          near: [
            { key: '10.0.0.3', used: 1 },
            { key: '10.0.0.1', available: 1 },
          ],
        },
      ],
    },
  ]);
  expect(told[0]?.rates[0]?.near).toHaveLength(2);
});

test('keys that only their owners know are told as hashes, and limits that nobody shares are not told of here', () => {
  const [hidden] = ledgerReports(
    ledger(),
    [{ ...REPORT, by: 'header x-key', who: { header: 'x-key' } }],
    { share: 1, most: 5 },
    0,
  );
  expect(hidden?.rates[0]?.near).toMatchObject([{ key: expect.stringMatching(/^sha256:[0-9a-f]{12}$/) }]);
  expect(ledgerReports(ledger(), [{ ...REPORT, isShared: false }], { share: 0, most: 5 }, 0)).toEqual([]);
});
