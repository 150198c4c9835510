import { X509Certificate } from 'node:crypto';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { realClock } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../server/serve.ts';
import type { ServerTls } from '../server/acceptor.ts';
import { testCertificate, type TestCertificate } from '../testing/test-certificate.ts';
import { certificates } from './certificates.ts';
import { clientCertificate } from './client-certificate.ts';

const clock = realClock();
const authority = testCertificate({ subject: 'authority', isAuthority: true });
const shop = testCertificate({ names: ['shop.test'], issuer: authority });
const billing = testCertificate({
  subject: 'billing',
  names: ['Billing.test'],
  uris: ['spiffe://shop/ns/a/sa/billing'],
  issuer: authority,
});

test('what a certificate says is read, and none of its names passes for several', () => {
  const read = (certificate: TestCertificate) => clientCertificate(new X509Certificate(certificate.cert));
  expect(read(billing)).toMatchObject({
    subject: 'CN=billing',
    names: ['billing.test'],
    uris: ['spiffe://shop/ns/a/sa/billing'],
    emails: [],
    serial: expect.stringMatching(/^[0-9A-F]+$/),
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    expiresAt: Date.UTC(2120, 0, 1),
  });
  expect(new X509Certificate(read(billing).der).subject).toBe('CN=billing');
  const sly = read(
    testCertificate({
      subject: 'a, CN=admin\nCN=root',
      names: ['a.test, URI:spiffe://shop/admin', 'b.test'],
      uris: ['spiffe://shop/a", DNS:admin.test'],
    }),
  );
  expect(sly.uris).toEqual(['spiffe://shop/a", DNS:admin.test']);
  expect(sly.names).toEqual(['a.test, uri:spiffe://shop/admin', 'b.test']);
  expect(sly.subject).not.toMatch(/(?:^|[^\\]), CN=/);
});

/** A server that answers with who its clients have proved to be. */
async function world(clients: ServerTls['clients']) {
  const kept = await certificates({ read: () => Promise.resolve([shop]), clientAuthority: authority.cert, clock });
  const proofs = new Set<unknown>();
  const server = await serve({
    listen: { host: '127.0.0.1', port: 0 },
    clock,
    hasHttp2: true,
    tls: { certificates: kept, ...(clients === undefined ? {} : { clients }) },
    onRequest(request) {
      const { proof } = request.peer;
      proofs.add(proof);
      const said = proof?.kind === 'trusted' ? proof.certificate.uris.join() : (proof?.reason ?? 'nothing');
      request.answer(200, {}, said);
    },
    refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const port = Number(new URL(server.url).port);
  const shown = (certificate?: TestCertificate) => ({
    ca: authority.cert,
    servername: 'shop.test',
    ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
  });
  return {
    port,
    proofs,
    /** Two requests on one connection of HTTP/1.1. */
    async http1(certificate?: TestCertificate): Promise<string> {
      const socket = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['http/1.1'], ...shown(certificate) });
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString()));
      socket.on('error', () => {});
      const ask = (last: string) => `GET / HTTP/1.1\r\nhost: shop.test\r\n${last}\r\n`;
      socket.write(ask(''));
      socket.end(ask('connection: close\r\n'));
      await new Promise((resolve) => socket.once('close', resolve));
      return [...text.matchAll(/\r\n\r\n(.*?)(?=HTTP|$)/gs)].map(([, body]) => body).join('|');
    },
    /** Two streams of one session of HTTP/2. */
    async http2(certificate?: TestCertificate): Promise<string> {
      const session = connectHttp2(`https://127.0.0.1:${port}`, shown(certificate));
      session.on('error', () => {});
      const ask = async (): Promise<string> => {
        const stream = session.request({ ':path': '/', ':authority': 'shop.test' });
        let text = '';
        for await (const part of stream) text += String(part);
        return text;
      };
      try {
        return [await ask(), await ask()].join('|');
      } catch {
        return '';
      } finally {
        session.destroy();
      }
    },
  };
}

test.each(['http1', 'http2'] as const)('over %s, what a client has shown is known, and read once', async (over) => {
  const asked = await world('requested');
  expect(await asked[over](billing)).toBe('spiffe://shop/ns/a/sa/billing|spiffe://shop/ns/a/sa/billing');
  expect(asked.proofs.size).toBe(1);
  expect(await asked[over]()).toBe('nothing|nothing');
  const stranger = testCertificate({ uris: ['spiffe://shop/ns/a/sa/billing'] });
  expect(await asked[over](stranger)).toMatch(/^(\w*SELF_SIGNED\w*|UNABLE_TO\w+)\|\1$/);
  const late = testCertificate({ uris: ['spiffe://shop/a'], issuer: authority, notAfter: new Date('2021-01-01') });
  expect(await asked[over](late)).toBe('CERT_HAS_EXPIRED|CERT_HAS_EXPIRED');
  const required = await world('required');
  expect(await required[over](billing)).toContain('spiffe://');
  for (const certificate of [undefined, stranger, late]) expect(await required[over](certificate)).toBe('');
  const deaf = await world('none');
  expect(await deaf[over](billing)).toBe('nothing|nothing');
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a session of %s that is taken up again is still whose it was',
  async (version) => {
    const { port } = await world('requested');
    const stranger = testCertificate({ uris: ['spiffe://shop/ns/a/sa/billing'] });
    for (const [certificate, said] of [
      [billing, /spiffe:\/\/shop\/ns\/a\/sa\/billing$/],
      [stranger, /SELF_SIGNED|UNABLE_TO/],
    ] as const) {
      let session: Buffer | undefined;
      const isReused: boolean[] = [];
      for (let time = 0; time < 2; time += 1) {
        const socket = connectTls({
          port,
          host: '127.0.0.1',
          servername: 'shop.test',
          ca: authority.cert,
          cert: certificate.cert,
          key: certificate.key,
          minVersion: version,
          maxVersion: version,
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (given) => (session = given));
        socket.on('secureConnect', () => isReused.push(socket.isSessionReused()));
        let text = '';
        socket.on('data', (part: Buffer) => (text += part.toString()));
        socket.write('GET / HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n');
        await new Promise((resolve) => socket.once('close', resolve));
        expect(text).toMatch(said);
      }
      expect(isReused).toEqual([false, true]);
    }
  },
);
