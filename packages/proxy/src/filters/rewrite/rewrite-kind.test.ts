import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answering, get, OK, running } from '../../engine/engine.fixture.ts';
import { readTarget } from '../../match/request-target.ts';
import { filterWorld } from '../passage.fixture.ts';
import { rewriteKind } from './rewrite-kind.ts';

const world = filterWorld();
const faultsOf = (spec: object) =>
  JSON.stringify(rewriteKind.schema.safeParse({ type: 'rewrite', ...spec }).error?.issues);

/** The target that goes on, or the cause of the answer. */
function rewritten(spec: object, target: string): string | undefined {
  const filter = rewriteKind.make(rewriteKind.schema.parse({ type: 'rewrite', ...spec }), world);
  const passage = Object.assign(world.passage(), { upstreamTarget: target });
  const verdict = filter.request?.(passage);
  return verdict !== undefined && 'cause' in verdict ? verdict.cause : passage.upstreamTarget;
}

// The Gateway API's table of ReplacePrefixMatch, and its edges.
test.each([
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '/', '/bar'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/', '/', '/xyz', '/xyz'],
  ['/bar/', '/', '/xyz', '/xyz/bar/'],
  ['/foobar', '/foo', '/xyz', '/foobar'],
  ['/fo', '/foo', '/xyz', '/fo'],
  ['/a/b/c?d=/foo', '/a/b', '/x', '/x/c?d=/foo'],
  // Compared as routes are, and what stays keeps its spelling.
  ['/%66oo/b%61r', '/foo', '/xyz', '/xyz/b%61r'],
  ['/foo%2Fbar', '/foo', '/xyz', '/foo%2Fbar'],
  ['*', '/', '/xyz', '*'],
])('of %s the prefix %s becomes %s: %s', (target, prefix, to, after) => {
  expect(rewritten({ path: { prefix, to } }, target)).toBe(after);
});

test.each([
  ['a whole path', { to: '/x' }, '/any/thing?a=1', '/x?a=1'],
  [
    'a template',
    { template: '/orders/{id}/items/:item', to: '/i/{item}/of-{id}' },
    '/orders/7/items/a%20b',
    '/i/a%20b/of-7',
  ],
  ['a template without its segment', { template: '/orders/{id}', to: '/o/{id}' }, '/orders/', '/orders/'],
  ['a template that is longer', { template: '/orders/{id}', to: '/o/{id}' }, '/orders/7/', '/orders/7/'],
  ['an expression', { regex: '/v(\\d+)/(?P<rest>.*)', to: '/${rest}/$1/${1}/$$' }, '/v2/a/b?c', '/a/b/2/2/$?c'],
  [
    'an expression in another spelling',
    { regex: '/files/(.*)', to: '/public/$1' },
    '/%66iles/a%3Fb%25',
    '/public/a%3Fb%25',
  ],
  ['letters beyond ASCII', { regex: '/(.)/(.)', to: '/$2/$1' }, '/%C3%A9/%F0%9F%98%80', '/%F0%9F%98%80/%C3%A9'],
  ['an expression for a part', { regex: '/v2', to: '/x' }, '/v2/a', '/v2/a'],
  ['the first of several', [{ prefix: '/a', to: '/1' }, { to: '/2' }], '/a/b', '/1/b'],
  ['the next of several', [{ prefix: '/a', to: '/1' }, { to: '/2' }], '/b', '/2'],
])('%s: %j of %s', (_what, path, target, after) => {
  expect(rewritten({ path }, target)).toBe(after);
});

test.each([
  ['/a', { set: { b: 'x y&z' } }, '/a?b=x%20y%26z'],
  ['/a?b=1&c=2&b=3', { set: { b: '4' } }, '/a?c=2&b=4'],
  ['/a?b=1', { add: { b: '2' } }, '/a?b=1&b=2'],
  ['/a?%62=1&b&b=&c=%20+', { remove: ['b'] }, '/a?c=%20+'],
  ['/a?b+c=1&b%20c=2', { remove: ['b c'] }, '/a'],
  ['/a?%zz=1&b=2', { remove: ['b'] }, '/a?%zz=1'],
])('the query of %s with %j', (target, query, after) => {
  expect(rewritten({ query }, target)).toBe(after);
});

test('a path that would become ambiguous goes no further', () => {
  expect(rewritten({ path: { regex: '/a(.*)', to: '/b/$1' } }, '/a/x')).toBe('TARGET_AMBIGUOUS');
  expect(rewritten({ path: { regex: '/a/(.*)', to: '/b/.$1' } }, '/a/.')).toBe('TARGET_AMBIGUOUS');
  expect(rewritten({ path: { regex: '(/x)?/a', to: '$1' } }, '/a')).toBe('TARGET_AMBIGUOUS');
});

test('whatever is asked for, what goes on can be read in one way only', () => {
  const part = fc.constantFrom('/', '.', '..', ';', '%2e', '%25', '%3F', '%C3%A9', 'a', 'b', '$', '{', '~');
  const target = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
  const rule = fc.constantFrom(
    { prefix: '/a', to: '/' },
    { template: '/{x}/{y}', to: '/{y}{x}/.{x}' },
    { regex: '/(.*)a(.*)', to: '/$2/$1' },
    { regex: '/(.)(.*)', to: '/.$1$2' },
  );
  fc.assert(
    fc.property(target, rule, (asked, path) => {
      fc.pre(readTarget(asked).kind === 'target');
      const after = rewritten({ path }, asked);
      expect(after === 'TARGET_AMBIGUOUS' || readTarget(after ?? '').kind === 'target').toBe(true);
    }),
  );
});

test.each([
  ['nothing', {}, 'write path, query, host'],
  ['two kinds of rules', { path: { prefix: '/a', regex: '/b', to: '/' } }, 'write one of prefix, template and regex'],
  ['a path that is refused', { path: { to: '/a//b' } }, 'empty segments; such requests are refused'],
  ['a path with a query', { path: { to: '/a?b' } }, 'may hold neither ? nor braces'],
  ['a prefix with dots', { path: { prefix: '/a/../b', to: '/' } }, 'may not have . or .. segments'],
  ['an unknown name', { path: { template: '/{a}', to: '/{b}' } }, 'has {b}, which the template has not'],
  ['an unknown group', { path: { regex: '/(a)', to: '/$2' } }, 'has $2, which the regex has not'],
  ['an unknown named group', { path: { regex: '/(a)', to: '/${b}' } }, 'has ${b}, which the regex has not'],
  ['an expression that looks ahead', { path: { regex: '/(?=a)', to: '/' } }, 'looks ahead or behind'],
])('%s can not be written', (_what, spec, message) => {
  expect(faultsOf(spec)).toContain(message);
});

test('a real upstream is asked for the new target, and for the host that its cluster says', async () => {
  const shop = await answering(OK);
  const snapshot = {
    clusters: { shop: { endpoints: [shop.origin], pool: { host: 'inside.test' } } },
    filters: [{ type: 'rewrite', path: { prefix: '/api', to: '/' }, query: { add: { via: 'gate' } } }],
  };
  const { client } = await running(snapshot);
  const wire = client().send(get('/api/orders?a=1'));
  await wire.got(/ok$/);
  expect((await shop.socket(0)).text).toMatch(/^GET \/orders\?a=1&via=gate HTTP\/1\.1\r\nhost: inside\.test\r\n/);
});

test.each([
  ['replaces only what comes', { replace: { a: '1', z: '9' } }, '/x?b=2&a=0&a=5', '/x?b=2&a=1'],
  ['fills in only what does not come', { default: { a: '1', z: '9' } }, '/x?a=0', '/x?a=0&z=9'],
  ['renames with the value as it was spelled', { rename: { a: 'b', q: 'r' } }, '/x?b=2&a=%20+&%61', '/x?b=%20+&b'],
  ['renames before it fills in', { rename: { a: 'b' }, default: { a: '7' } }, '/x?a=1', '/x?b=1&a=7'],
])('a query change %s', (_what, query, target, after) => {
  expect(rewritten({ query }, target)).toBe(after);
});

test.each(['shop.internal', 'shop.internal:8080', '[::1]:80'])('the upstream is told of the host %s', async (host) => {
  const service = await answering(OK);
  const { client } = await running({
    clusters: { orders: { endpoints: [service.origin] } },
    filters: [{ type: 'rewrite', host }],
  });
  await client().send(get('/a')).got('ok');
  expect((await service.socket(0)).text).toContain(`GET /a HTTP/1.1\r\nhost: ${host}\r\n`);
});

test.each(['', 'a b', 'a/b', 'http://a.test', 'a.test:', 'a\r\nb: c', '{host}'])('%j is no host', (host) =>
  expect(faultsOf({ host })).toContain('write a host'),
);
