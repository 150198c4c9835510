import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { redisLimits } from './redis-limits.ts';

const clock = virtualClock();
const ctx = createContext({ clock, random: seededRandom(1) });
const rate = { count: 100, perMs: 1_000, burst: 20 };

/** Answers the nth command with the nth of `answers`; an Error is thrown. */
function fakeClient(...answers: unknown[]) {
  const commands: unknown[][] = [];
  const answer = async () => {
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  return {
    commands,
    evalsha: (sha: string, ...rest: unknown[]) => (commands.push(['evalsha', sha.length, ...rest]), answer()),
    eval: (_script: string, ...rest: unknown[]) => (commands.push(['eval', ...rest]), answer()),
  };
}

test('a decision is one command with one key', async () => {
  const client = fakeClient([1, '18.500000', '0']);
  expect(await redisLimits(client).admit(ctx, 'stock:rate', rate, 1.5)).toEqual({ kind: 'admitted', available: 18.5 });
  expect(client.commands).toEqual([['evalsha', 40, 1, 'fairlead:limit:stock:rate', '100', '1000000', '20', '1.5']]);
});

test('a server that does not know the script is given it', async () => {
  const client = fakeClient(new Error('NOSCRIPT No matching script.'), [0, '0.25', '7500']);
  const verdict = await redisLimits(client, { prefix: 'p:' }).admit(ctx, 'k', rate, 1);
  expect(verdict).toEqual({ kind: 'refused', available: 0.25, retryAfterMs: 7.5 });
  expect(client.commands.map(([name]) => name)).toEqual(['evalsha', 'eval']);
});

test('what can never be let through has no time to come back', async () => {
  const verdict = await redisLimits(fakeClient([0, '20', '-1'])).admit(ctx, 'k', rate, 21);
  expect(verdict).toEqual({ kind: 'refused', available: 20, retryAfterMs: Infinity });
});

test('any other failure is its own, and is not tried in another way', async () => {
  const client = fakeClient(new Error('READONLY You can’t write against a read only replica.'));
  await expect(redisLimits(client).admit(ctx, 'k', rate, 1)).rejects.toThrow('READONLY');
  expect(client.commands).toHaveLength(1);
});

test.each([[null], ['OK'], [[]], [[1, 'x', '0']]])('an answer of %j is no decision', async (answer) => {
  await expect(redisLimits(fakeClient(answer)).admit(ctx, 'k', rate, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
