import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@fairlead/core';
import { testCertificate, type TestCertificate } from '@fairlead/net/testing';
import { expect, onTestFinished, test } from 'vitest';
import { running } from '../engine/engine.fixture.ts';
import { apiKeyHash } from '../filters/api-key/api-key.ts';

const SECRET = 'a secret of at least 32 octets!!!';
const authority = testCertificate({ subject: 'authority', isAuthority: true });
const server = testCertificate({ names: ['localhost'], issuer: authority });
const idOf = (name: string) => `spiffe://shop.test/ns/prod/sa/${name}`;

function token(sub: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ alg: 'HS256' })}.${part({ iss: 'https://login.test', aud: 'shop', sub })}`;
  return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

type Ask = (headers: Readonly<Record<string, string>>) => Promise<Answer>;

/** A gateway with TLS that asks clients for certificates and takes other proofs as well, before a shop that says what has come. */
async function world(filters: readonly object[], options: { readonly required?: boolean } = {}) {
  const shop = createServer((asked, response) => response.end(JSON.stringify(asked.headers)));
  shop.listen(0, '127.0.0.1');
  await once(shop, 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-identities-'));
  onTestFinished(async () => {
    shop.closeAllConnections();
    shop.close();
    await rm(folder, { recursive: true });
  });
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const { engine } = await running(
    {
      clusters: { shop: { endpoints: [`http://127.0.0.1:${(shop.address() as AddressInfo).port}`] } },
      filters,
      listener: {
        http2: true,
        tls: {
          certificate: await file('tls.crt', server.cert),
          key: await file('tls.key', server.key),
          clients: { authority: await file('ca.crt', authority.cert), required: options.required ?? false },
        },
      },
    },
    { isReal: true, strip: { names: [], prefixes: [] } },
  );
  const port = Number(new URL(engine.urls.get('web') ?? '').port);
  const shown = (certificate: TestCertificate | undefined) => ({
    ca: authority.cert,
    servername: 'localhost',
    ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
  });
  return {
    /** Over one connection that is kept. */
    http1(certificate?: TestCertificate): Ask {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ...shown(certificate) });
      onTestFinished(() => agent.destroy());
      return (headers) =>
        new Promise((resolve, reject) => {
          request({ host: '127.0.0.1', port, agent, headers: { host: 'localhost', ...headers } }, (answer) => {
            let text = '';
            answer.on('data', (part: Buffer) => (text += part.toString()));
            answer.on('end', () =>
              resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] }),
            );
          })
            .on('error', reject)
            .end();
        });
    },
    /** Over one session, streams beside each other. */
    http2(certificate?: TestCertificate): Ask {
      const session: ClientHttp2Session = connectHttp2(`https://127.0.0.1:${port}`, shown(certificate));
      session.on('error', () => {});
      onTestFinished(() => session.destroy());
      return async (headers) => {
        const stream = session.request({ ':path': '/', ':authority': 'localhost', ...headers });
        let status = 0;
        stream.on('response', (head) => (status = Number(head[':status'])));
        let text = '';
        for await (const part of stream) text += String(part);
        return { status, body: JSON.parse(text) as Answer['body'] };
      };
    },
  };
}

const WHO = { type: 'headers', request: { set: { 'x-who': '{consumer}|{subject}' } } };
const SCHEMES = {
  type: 'any-of',
  of: [
    {
      type: 'jwt',
      issuer: 'https://login.test',
      audience: 'shop',
      requireExpiry: false,
      keys: [{ kty: 'oct', alg: 'HS256', k: Buffer.from(SECRET).toString('base64url') }],
    },
    {
      type: 'api-key',
      consumers: ['partner', 'reseller'].map((name) => ({ name, keys: [apiKeyHash(`key-${name}`)] })),
    },
    { type: 'client-certificate', allow: [{ uri: idOf('*') }], forward: true },
  ],
  anonymous: { consumer: 'guest' },
};

test('whoever asks over whatever connection at whatever time is taken for nobody else', async () => {
  const { http1, http2 } = await world([SCHEMES, WHO]);
  const certificates = ['billing', 'orders', undefined].map((name) => ({
    name,
    certificate: name === undefined ? undefined : testCertificate({ uris: [idOf(name)], issuer: authority }),
  }));
  const lines = certificates.flatMap(({ name, certificate }) => [
    { name, ask: http1(certificate) },
    { name, ask: http2(certificate) },
  ]);
  const forged = { 'x-who': 'root', 'client-cert': ':cm9vdA==:', 'x-forwarded-client-cert': 'root' };
  const random = seededRandom('identities');
  const proofs = [
    { headers: { authorization: `Bearer ${token('ada')}` }, who: '|ada' },
    { headers: { authorization: `Bearer ${token('bob')}` }, who: '|bob' },
    { headers: { 'x-api-key': 'key-partner' }, who: 'partner|' },
    { headers: { 'x-api-key': 'key-reseller' }, who: 'reseller|' },
    { headers: {}, who: undefined },
    { headers: { 'x-api-key': 'guess' }, who: 'wrong' },
    { headers: { authorization: 'Bearer guess' }, who: 'wrong' },
  ];
  const all = Array.from({ length: 420 }, async () => {
    const line = lines[Math.floor(random.next() * lines.length)];
    const proof = proofs[Math.floor(random.next() * proofs.length)];
    if (line === undefined || proof === undefined) throw new RangeError('There is no such one.');
    const own = line.name === undefined ? undefined : `${idOf(line.name)}|${idOf(line.name)}`;
    const answer = await line.ask({ ...proof.headers, ...forged });
    if (proof.who === 'wrong' && own === undefined) {
      expect(answer).toMatchObject({ status: 401 });
      return;
    }
    const wanted = proof.who === undefined || proof.who === 'wrong' ? (own ?? 'guest|') : proof.who;
    expect(answer).toMatchObject({ status: 200, body: { 'x-who': wanted } });
    const shows = wanted === own;
    expect(typeof answer.body['client-cert']).toBe(shows ? 'string' : 'undefined');
    if (shows) expect(answer.body['client-cert']).not.toBe(':cm9vdA==:');
  });
  await Promise.all(all);
});

test.each(['http1', 'http2'] as const)(
  'over %s, a certificate that is not trusted makes nobody a guest',
  async (over) => {
    const anonymous = { ...SCHEMES, of: [{ type: 'client-certificate' }] };
    const made = await world([anonymous, WHO]);
    const stranger = testCertificate({ uris: [idOf('billing')] });
    const late = testCertificate({ uris: [idOf('billing')], issuer: authority, notAfter: new Date('2021-01-01') });
    for (const certificate of [stranger, late]) {
      const { status, body } = await made[over](certificate)({});
      expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'CERTIFICATE_UNTRUSTED' });
    }
    expect(await made[over]()({})).toMatchObject({ status: 200, body: { 'x-who': 'guest|' } });
  },
);

test('where certificates are demanded, nobody is heard without one, and routes still say whose', async () => {
  const { http1 } = await world([{ type: 'client-certificate', allow: [{ uri: idOf('billing') }] }, WHO], {
    required: true,
  });
  await expect(http1()({})).rejects.toThrow();
  const [billing, orders] = ['billing', 'orders'].map((name) =>
    testCertificate({ uris: [idOf(name)], issuer: authority }),
  );
  expect(await http1(billing)({})).toMatchObject({ status: 200 });
  expect(await http1(orders)({})).toMatchObject({ status: 403, body: { code: 'CERTIFICATE_REFUSED' } });
});
