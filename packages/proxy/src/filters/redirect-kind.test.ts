import { expect, test } from 'vitest';
import { answering, get, OK, running } from '../engine/engine.fixture.ts';
import { filterWorld } from './passage.fixture.ts';
import { redirectKind } from './redirect-kind.ts';

const world = filterWorld();

/** `status location` of what is asked for as a URL; `undefined` when it goes on. */
function redirected(spec: object, asked: string, cluster = 'shop'): string | undefined {
  const filter = redirectKind.make(redirectKind.schema.parse({ type: 'redirect', ...spec }), world);
  const [, scheme, host = '', path = '', query = ''] = /^(https?):\/\/([^/]*)([^?]*)(.*)$/.exec(asked) ?? [];
  const passage = world.passage({
    isTls: scheme === 'https',
    host: host.replace(/:\d+$/, ''),
    headers: { host },
    path,
    query,
  });
  const verdict = filter.request?.(Object.assign(passage, { cluster }));
  if (verdict === undefined || verdict instanceof Promise) return undefined;
  const { location } = verdict.fields ?? {};
  return typeof location === 'string' ? `${verdict.status} ${location}` : verdict.cause;
}

// What the Gateway API says of HTTPRequestRedirectFilter, and its conformance suite expects.
test.each([
  ['a host', { host: 'example.org' }, 'http://a.test/x', '302 http://example.org/x'],
  ['a host and a status', { host: 'example.org', status: 301 }, 'http://a.test/x', '301 http://example.org/x'],
  ['a scheme', { scheme: 'https' }, 'http://a.test/x?y=1', '302 https://a.test/x?y=1'],
  ['a port', { port: 8083 }, 'http://a.test/x', '302 http://a.test:8083/x'],
  ['a scheme forgets the port', { scheme: 'https' }, 'http://a.test:8080/x', '302 https://a.test/x'],
  ['the same scheme does, too', { scheme: 'http' }, 'http://a.test:8080/x', '302 http://a.test/x'],
  ['without a scheme the port stays', { host: 'b.test' }, 'http://a.test:8080/x', '302 http://b.test:8080/x'],
  ['without a scheme the port stays, TLS', { host: 'b.test' }, 'https://a.test:8443/x', '302 https://b.test:8443/x'],
  ['http and 80', { host: 'b.test', port: 80 }, 'http://a.test:8080/x', '302 http://b.test/x'],
  ['https and 443', { host: 'b.test', port: 443 }, 'https://a.test:8443/x', '302 https://b.test/x'],
  ['http and 443', { port: 443 }, 'http://a.test/x', '302 http://a.test:443/x'],
  ['https and 80', { port: 80 }, 'https://a.test/x', '302 https://a.test:80/x'],
  ['scheme https and port 443', { scheme: 'https', port: 443 }, 'http://a.test:8080/x', '302 https://a.test/x'],
  ['scheme https and port 8443', { scheme: 'https', port: 8443 }, 'http://a.test/x', '302 https://a.test:8443/x'],
  ['scheme http and port 80', { scheme: 'http', port: 80 }, 'https://a.test/x', '302 http://a.test/x'],
  ['a prefix', { path: { prefix: '/a', to: '/b' } }, 'http://a.test/a/c', '302 http://a.test/b/c'],
  ['a whole path', { path: { to: '/b' }, host: 'b.test' }, 'http://a.test/a/c', '302 http://b.test/b'],
  ['no query', { path: { to: '/b' }, query: 'drop' }, 'http://a.test/a?c', '302 http://a.test/b'],
  ['an address', { scheme: 'https' }, 'http://[::1]:8080/', '302 https://[::1]/'],
])('%s: %j sends %s', (_what, spec, asked, location) => {
  expect(redirected(spec, asked)).toBe(location);
});

test.each([301, 302, 303, 307, 308])('the status may be %i', (status) => {
  expect(redirected({ host: 'b.test', status }, 'http://a.test/')).toBe(`${status} http://b.test/`);
});

test('nobody is sent in circles', () => {
  expect(redirected({ scheme: 'https' }, 'https://a.test/x')).toBeUndefined();
  expect(redirected({ scheme: 'https' }, 'https://a.test:443/x')).toBeUndefined();
  expect(redirected({ path: { prefix: '/old', to: '/new' } }, 'http://a.test/new')).toBeUndefined();
  expect(redirected({ scheme: 'https' }, 'https://a.test/x', '')).toBe('REDIRECT_LOOP');
});

test('a path that would become ambiguous, and a host that nobody names, are refused', () => {
  expect(redirected({ path: { regex: '/a(.*)', to: '/b/$1' } }, 'http://a.test/a/x')).toBe('TARGET_AMBIGUOUS');
  expect(redirected({ scheme: 'https' }, 'http:///x')).toBe('BAD_REQUEST');
});

test.each([
  ['nothing', {}, 'leads back'],
  ['another status', { host: 'a.test', status: 304 }, 'expected one of 301|302'],
  ['many hosts', { host: '*.a.test' }, 'is a name for many'],
  ['a host with a port', { host: 'a.test:80' }, 'has a port'],
])('%s can not be written', (_what, spec, message) => {
  expect(JSON.stringify(redirectKind.schema.safeParse({ type: 'redirect', ...spec }).error?.issues)).toContain(message);
});

test('a client is told over a real connection, where no cluster is needed', async () => {
  const shop = await answering(OK);
  const { client } = await running({
    routes: [
      { name: 'old', match: { path: '/old' }, filters: [{ type: 'redirect', path: { prefix: '/old', to: '/new' } }] },
      { name: 'rest', to: 'shop' },
    ],
    clusters: { shop: { endpoints: [shop.origin] } },
  });
  const wire = client().send(get('/old/a?b=1'));
  const text = await wire.got('\r\n\r\n');
  expect(text).toMatch(/^HTTP\/1\.1 302 Found\r\nlocation: http:\/\/shop\.test\/new\/a\?b=1\r\n/);
  expect(text).toContain('content-length: 0\r\n');
  await wire.clear().send(get('/new/a')).got(/ok$/);
});
