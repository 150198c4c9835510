import { expect, test } from 'vitest';
import { z } from 'zod';
import { assertJobInput, decodeJob, encodeJob } from './job-input.ts';

const receipt = z.object({ orderId: z.string().min(1), copies: z.int().default(1), note: z.string().optional() });

test('a job is kept with its defaults and without what nobody reads', () => {
  const input = { orderId: 'o1', note: undefined, secret: 'x' };
  expect(encodeJob('send-receipt', receipt, input)).toStrictEqual({ orderId: 'o1', copies: 1 });
});

test('a job that does not fit is refused where it is enqueued, with the place', () => {
  expect(() => encodeJob('send-receipt', receipt, { orderId: '' })).toThrow(
    expect.objectContaining({ code: 'INVALID_JOB', message: expect.stringContaining('$.orderId') }),
  );
});

test('a handler reads what newer code has enqueued, and refuses what it can’t understand', () => {
  expect(decodeJob('send-receipt', receipt, { orderId: 'o1', later: true })).toEqual({ orderId: 'o1', copies: 1 });
  expect(() => decodeJob('send-receipt', receipt, { copies: 1 })).toThrow(
    expect.objectContaining({ code: 'INVALID_JOB', kind: 'internal' }),
  );
});

test('what JSON can’t carry is no input', () => {
  expect(() => assertJobInput(receipt, 'send-receipt')).not.toThrow();
  expect(() => assertJobInput(z.object({ at: z.date() }), 'send-receipt')).toThrow(/send-receipt input/);
  expect(() => assertJobInput(z.string() as never, 'send-receipt')).toThrow('input is not a z.object');
});
