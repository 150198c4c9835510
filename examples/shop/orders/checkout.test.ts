import { readdirSync, readFileSync } from 'node:fs';
import { replay, type SagaHistory } from '@fairlead/events';
import { expect, test } from 'vitest';
import { checkout } from './checkout.ts';

const folder = new URL('./histories/', import.meta.url);

/** `fairlead saga show orders checkout … --json` has written them. */
const histories = readdirSync(folder).map((name) => ({
  name,
  // `as`: that is what the command writes.
  history: JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as SagaHistory,
}));

test.each(histories)("orders that have gone as in $name go on by today's code", async ({ history }) => {
  expect(await replay(checkout, history)).toEqual({ kind: 'same', ended: true });
});

test('an order that was charged under another name does not', async () => {
  const [first] = histories;
  if (first === undefined) throw new Error('there are no histories');
  const journal = first.history.journal.map((record) =>
    record.name === 'charge' ? { ...record, name: 'pay' } : record,
  );
  const verdict = await replay(checkout, { ...first.history, journal });
  expect(verdict).toMatchObject({ kind: 'different', difference: expect.stringContaining('pay') as unknown });
});
