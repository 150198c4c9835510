import { afterAll, beforeAll, expect, test } from 'vitest';
import { attackedGateway, get, LAST, statusesOf, type AttackedGateway } from './attacked-gateway.fixture.ts';

let gateway: AttackedGateway;
beforeAll(async () => {
  gateway = await attackedGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** The fields that arrive of a request with these, by name; what comes twice is joined by ` | `. */
async function arrivedWith(...lines: readonly string[]): Promise<Readonly<Record<string, string>>> {
  gateway.begin();
  expect(statusesOf(await gateway.attack(get('/first', ...lines) + LAST).closed)).toEqual([200, 200]);
  const fields: Record<string, string> = {};
  const list = gateway.arrived[0]?.fields ?? [];
  for (let at = 0; at < list.length; at += 2) {
    const [name = '', value = ''] = list.slice(at, at + 2);
    fields[name] = name in fields ? `${fields[name]} | ${value}` : value;
  }
  return fields;
}

/** Who asks, and from where, is the gateway's to say, whoever stands before it. */
test.each([
  ['x-forwarded-for', '127.0.0.1'],
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-host', 'shop.test'],
])('%s is the gateway’s own, whatever came under it', async (name, own) => {
  expect((await arrivedWith(`${name}: forged`))[name]).toBe(own);
  expect((await arrivedWith(`${name.toUpperCase()}: forged`, `${name}: forged too`))[name]).toBe(own);
  // Fields that Connection names are dropped by who passes them on; that must not reach what is added here.
  expect((await arrivedWith(`Connection: keep-alive, ${name}`))[name]).toBe(own);
});

test.each([
  'Forwarded',
  'X-Real-IP',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-User',
  'X-Forwarded-Client-Cert',
  'X-Forwarded-Anything',
  'X-Fairlead-Tenant',
  'X-Fairlead-Subject',
  'X-Fairlead-Roles',
  'X-Fairlead-Caller',
  'X-Fairlead-Timeout-Ms',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-HTTP-Method-Override',
  'X-Method-Override',
  'X-HTTP-Method',
  'True-Client-IP',
  'Client-IP',
  'X-Client-IP',
  'Via',
  'Remote-User',
  'X-Remote-User',
  'X-Envoy-Original-Path',
  'X-Client-Cert',
  'X-SSL-Client-Verify',
  'SSL-Client-Cert',
  // Of the connection to the gateway.
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'TE',
  'Trailer',
  'Upgrade',
  'HTTP2-Settings',
])('%s of a client goes no further, in any spelling', async (name) => {
  for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
    const fields = await arrivedWith(`${spelled}: forged`, 'Accept: text/plain');
    expect(Object.keys(fields)).not.toContain(name.toLowerCase());
    expect(Object.values(fields)).not.toContain('forged');
    expect(fields['accept']).toBe('text/plain');
  }
});

/** CGI, WSGI and their kin read `_` and `-` as the same letter. */
test.each(['X_Forwarded_For', 'X-Fairlead_Tenant', 'X_Real-IP', 'Content_Length', 'Transfer_Encoding', 'a_b'])(
  'a name with an underscore, %s, goes no further',
  async (name) => {
    const fields = await arrivedWith(`${name}: forged`);
    expect(Object.values(fields)).not.toContain('forged');
    expect(Object.keys(fields).filter((each) => each.includes('_'))).toEqual([]);
  },
);

test('fields that Connection names go no further, and what frames and routes is written all the same', async () => {
  const fields = await arrivedWith(
    'Connection: X-Hop, host, Accept , , cookie',
    'X-Hop: 1',
    'Accept: a',
    'Cookie: b=c',
  );
  expect(fields).not.toHaveProperty('x-hop');
  expect(fields).not.toHaveProperty('accept');
  expect(fields).not.toHaveProperty('cookie');
  expect(fields['host']).toMatch(/^127\.0\.0\.1:\d+$/);
});

test('Connection can not take away what a filter needs to see', async () => {
  await using guarded = await attackedGateway((written) => ({
    ...written,
    filters: [
      {
        type: 'api-key',
        consumers: [{ name: 'ada', keys: ['sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'] }],
      },
    ],
  }));
  const asked = async (...lines: readonly string[]) =>
    statusesOf(await guarded.attack(get('/', 'Connection: close', ...lines)).closed);
  expect(await asked('X-API-Key: secret')).toEqual([200]);
  // The key goes no further anyway; naming it takes nothing away from who checks it.
  expect(await asked('X-API-Key: secret', 'Connection: x-api-key')).toEqual([200]);
  expect(await asked('Connection: x-api-key')).toEqual([401]);
  expect(await asked('X_API_Key: secret')).toEqual([401]);
  expect(await asked('X-API-Key: wrong', 'X-API-Key: secret')).toEqual([401]);
  expect(guarded.arrived.map(({ fields }) => fields.includes('x-api-key'))).toEqual([false, false]);
});

test('a trace that is none is begun anew, and one that is goes on', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  expect((await arrivedWith(`traceparent: 00-${trace}-00f067aa0ba902b7-01`))['traceparent']).toContain(trace);
  for (const odd of [
    `00-${trace}-00f067aa0ba902b7-01x`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    'x',
    `ff-${trace}-00f067aa0ba902b7-01`,
  ]) {
    const { traceparent = '' } = await arrivedWith(`traceparent: ${odd}`);
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(traceparent).not.toContain(odd);
  }
  const twice = `00-${trace}-00f067aa0ba902b7-01`;
  expect((await arrivedWith(`traceparent: ${twice}`, `traceparent: ${twice}`))['traceparent']).not.toContain('|');
});

test.each(['a'.repeat(300), 'a b', 'a"b', 'caf\xe9', ''])(
  'a request id that is none, %j, is not taken over',
  async (id) => {
    const taken = (await arrivedWith(`X-Request-Id: ${id}`))['x-request-id'];
    expect(taken).toMatch(/^[\w-]{16,}$/);
    expect(taken).not.toBe(id);
  },
);

/** Floods: each is told once, and cut. */
test.each([
  ['more fields than are taken', get('/', ...Array.from({ length: 101 }, (_, at) => `X-${at}: a`)), 431],
  ['a field that is too long', get('/', `X-A: ${'a'.repeat(17 * 1024)}`), 431],
  [
    'many fields that are too long together',
    get('/', ...Array.from({ length: 90 }, () => `X-A: ${'a'.repeat(200)}`)),
    431,
  ],
  ['a name that is too long', get('/', `${'a'.repeat(17 * 1024)}: b`), 431],
  ['a target that is too long', get(`/${'a'.repeat(9 * 1024)}`), 414],
  ['a method that is too long', `${'A'.repeat(17 * 1024)} / HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
  [
    'trailers that are too long',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X-A: b\r\n'.repeat(3_000)}\r\n`,
    400,
  ],
  [
    'an extension of a chunk that is too long',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(64 * 1024)}\r\na\r\n0\r\n\r\n`,
    400,
  ],
])('%s is refused, with the connection, and does not arrive', async (_what, bytes, status) => {
  gateway.begin();
  expect(statusesOf(await gateway.attack(bytes + LAST).closed)).toEqual([status]);
  expect(gateway.arrived).toEqual([]);
});
