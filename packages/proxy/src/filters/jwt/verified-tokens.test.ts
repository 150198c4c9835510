import { expect, test } from 'vitest';
import { VerifiedTokens, type VerifiedToken } from './verified-tokens.ts';

function verified(subject: string, times: Partial<VerifiedToken> = {}): VerifiedToken {
  const identity = { subject, roles: [], scopes: [], claims: {} };
  return { identity, expiresAt: Infinity, notBefore: -Infinity, upstream: [], ...times };
}

const END = 'x'.repeat(40);

test('a token is known whole: another with the same end never stands for it, and takes its place', () => {
  const tokens = new VerifiedTokens(10);
  tokens.set(`a${END}`, verified('ann'));
  expect(tokens.get(`a${END}`, 0)?.identity.subject).toBe('ann');
  expect(tokens.get(`b${END}`, 0)).toBeUndefined();
  expect(tokens.get(END, 0)).toBeUndefined();
  tokens.set(`b${END}`, verified('bob'));
  expect(tokens.get(`b${END}`, 0)?.identity.subject).toBe('bob');
  expect(tokens.get(`a${END}`, 0)).toBeUndefined();
  expect(tokens.size).toBe(1);
});

test('a token of a few characters has an end, too', () => {
  const tokens = new VerifiedTokens(10);
  for (const token of ['', 'a', 'ab', 'abcdefgh', 'abcdefghi']) {
    expect(tokens.get(token, 0)).toBeUndefined();
    tokens.set(token, verified(`of ${token}`));
    expect(tokens.get(token, 0)?.identity.subject).toBe(`of ${token}`);
  }
});

test('a token is asked for its times each time', () => {
  const tokens = new VerifiedTokens(10);
  tokens.set('token', verified('ann', { notBefore: 10, expiresAt: 20 }));
  expect(tokens.get('token', 10)).toBeDefined();
  expect(tokens.get('token', 19.9)).toBeDefined();
  expect(tokens.get('token', 20)).toBeUndefined();
  tokens.set('token', verified('ann', { notBefore: 10, expiresAt: 20 }));
  expect(tokens.get('token', 9.9)).toBeUndefined();
});

test('no more are kept than it is told, and those that are asked for stay', () => {
  const tokens = new VerifiedTokens(10);
  tokens.set('mine', verified('me'));
  for (let at = 0; at < 1_000; at += 1) {
    tokens.set(`token-${at}`, verified(`of ${at}`));
    expect(tokens.get('mine', 0)).toBeDefined();
    expect(tokens.size).toBeLessThanOrEqual(10);
  }
  expect(tokens.get('token-0', 0)).toBeUndefined();
  tokens.clear();
  expect(tokens.size).toBe(0);
  const none = new VerifiedTokens(0);
  none.set('token', verified('ann'));
  expect(none.get('token', 0)).toBeUndefined();
});
