import { expect, test } from 'vitest';
import { ProvenIdentity, subjectKey } from './proven-identity.ts';

const NOTHING = { roles: [], scopes: [], claims: {} };

test('nobody changes who somebody is', () => {
  const identity = new ProvenIdentity({ ...NOTHING, subject: 'ann' });
  expect(() => Object.assign(identity, { tenant: 'acme' })).toThrow(TypeError);
  expect(identity).toEqual({ ...NOTHING, subject: 'ann' });
});

test.each([
  [{ subject: 'ann', tenant: 'acme' }, 'acme/ann'],
  [{ subject: 'ann' }, '/ann'],
  [{ tenant: 'acme' }, ''],
  [{ consumer: 'key' }, ''],
])('the subject of %j is told by %j, whoever made the identity', (who, key) => {
  expect(subjectKey({ ...NOTHING, ...who })).toBe(key);
  expect(subjectKey(new ProvenIdentity({ ...NOTHING, ...who }))).toBe(key);
});

test('nobody has no subject', () => expect(subjectKey(undefined)).toBe(''));
