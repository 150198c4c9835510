import { expect, test } from 'vitest';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../../snapshot/read-snapshot.ts';

const A = { to: 'a', path: '/a' };

/** What a configuration with this composition is told. */
function told(written: object): string {
  const snapshot = {
    listeners: [{ name: 'web', address: ':0' }],
    routes: [{ name: 'page', filters: [{ type: 'compose', ...written }] }],
    clusters: { a: { endpoints: ['http://a.test'] }, b: { endpoints: ['http://b.test'] } },
  };
  try {
    snapshotFrom(snapshot, { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS });
    return 'sound';
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll('routes[0].filters[0].', '') : String(error);
  }
}

test('a composition needs no other destination, and names clusters that are there', () => {
  expect(told({ parts: { a: A, b: { to: 'b', path: '/{a#/x}', after: ['a'] } } })).toBe('sound');
  expect(told({ path: '/o/{id}', parts: { a: { to: 'a', path: '/{path:id}/{tenant}', at: '', default: {} } } })).toBe(
    'sound',
  );
});

test.each<[string, object, string]>([
  ['no part', {}, 'parts: is empty'],
  [
    'too many',
    Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`p${at}`, A])),
    'more than 32 belong into a service',
  ],
  [
    'a POST',
    { a: { ...A, method: 'POST' } },
    'parts.a.method: must be GET or HEAD: what changes something belongs into a service',
  ],
  ['a body', { a: { ...A, body: {} } }, 'parts.a.body: is no known key'],
  ['a slip', { a: { ...A, optinal: true } }, 'did you mean "optional"?'],
  ['an unknown cluster', { a: { ...A, to: 'aa' } }, 'parts.a.to: there is no cluster "aa"; did you mean a?'],
  ['itself before it', { a: { ...A, after: ['a'] } }, 'parts.a.after[0]: is the part itself'],
  ['nobody before it', { a: { ...A, after: ['c'] } }, 'parts.a.after[0]: there is no part "c"; there are: a'],
  ['its own answer', { a: { to: 'a', path: '/{a#/x}' } }, 'parts.a.path: has {a#/x}, of the part itself'],
  ['nobody’s answer', { a: { ...A, query: { x: '{c#/x}' } } }, 'parts.a.query.x: has {c#/x}, and there is no part "c"'],
  [
    'a circle',
    {
      a: A,
      b: { to: 'a', path: '/{d#/x}' },
      c: { to: 'a', path: '/', headers: { 'x-b': '{b#/y}' } },
      d: { to: 'a', path: '/', after: ['a', 'c'] },
    },
    'parts.b: waits for itself: b waits for d waits for c waits for b',
  ],
  [
    'a parameter that is not there',
    { a: { to: 'a', path: '/{path:id}' } },
    'has {path:id}, which the path of the composition has not',
  ],
  ['a word that is not there', { a: { to: 'a', path: '/{id}' } }, 'there is no {id}; there are {path:name}'],
  ['a brace alone', { a: { to: 'a', path: '/{tenant' } }, 'has a brace without its other'],
  ['a query in its path', { a: { to: 'a', path: '/a?b=1' } }, 'may not have a query; write it under query'],
  ['an ambiguous path', { a: { to: 'a', path: '/a/../b' } }, 'may not have . or .. segments'],
  ['no path', { a: { to: 'a', path: 'a' } }, 'must begin with /'],
  ['a claim of its own', { a: { ...A, headers: { 'x-fairlead-tenant': 'acme' } } }, 'is written by the proxy itself'],
  ['framing', { a: { ...A, headers: { 'content-length': '1' } } }, 'is written by the proxy itself'],
  ['a broken line', { a: { ...A, headers: { 'x-a': 'a\r\nb: c' } } }, 'printable ASCII'],
  ['no pointer', { a: { ...A, pick: 'data' } }, 'is no JSON pointer'],
  ['no pointers', { a: { ...A, pick: { '/a': '~2' } } }, 'is no JSON pointer'],
  ['a place without end', { a: { ...A, at: '/x'.repeat(17) } }, 'at most 16 steps'],
  ['a default that has to be there', { a: { ...A, optional: false, default: 1 } }, 'is false beside a default'],
  ['a status of what is optional', { a: { ...A, optional: true, passes: [404] } }, 'this one is optional'],
  ['a list for the whole', { a: { ...A, at: '', default: [] } }, 'must be an object where it is all of the whole'],
  ['the place of what is missing', { partial: A }, 'goes to partial, which says what is missing'],
  ['no time', { a: { ...A, timeout: '0s' } }, 'must be more than 0s'],
  ['a name with dots', { 'a.b': A }, 'a letter first'],
])('%s is refused when it is read, with its place', (_what, parts, message) => {
  expect(told({ parts })).toContain(message);
});

test.each([
  ['a path with a query', { path: '/a?b' }],
  ['a path that is none', { path: 'a' }],
  ['a path with half a segment', { path: '/a-{id' }],
])('%s is refused', (_what, written) => {
  expect(told({ parts: { a: A }, ...written })).toContain('is no path of whole segments');
});
