import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { testCertificate, type TestCertificate } from '@fairlead/net/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { running } from '../engine/engine.fixture.ts';

const authority = testCertificate({ subject: 'authority', isAuthority: true });
const known = testCertificate({ uris: ['spiffe://shop.test/sa/billing'], issuer: authority });
const names = ['a.test', 'b.test'] as const;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-names-'));
  await writeFile(join(folder, 'authority.crt'), authority.cert);
  for (const name of names) {
    const { cert, key } = testCertificate({ names: [name] });
    await writeFile(join(folder, `${name}.crt`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** A gateway with a certificate for each name, and a route for each that says which it is. */
async function world(clients?: object) {
  const files = names.map((name) => ({ certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }));
  const { engine } = await running(
    {
      clusters: {},
      routes: names.map((name) => ({
        name,
        hosts: [name],
        filters: [{ type: 'respond', template: true, body: `the route of ${name}` }],
      })),
      listener: { tls: { certificates: files, ...(clients === undefined ? {} : { clients }) } },
    },
    { isReal: true },
  );
  const port = Number(new URL(engine.urls.get('web') ?? '').port);
  /** What comes back, with the name of the certificate that was seen; how it failed. */
  return (servername: string, host: string, shown?: TestCertificate): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        servername,
        // Nobody has signed these.
        rejectUnauthorized: false,
        ...(shown === undefined ? {} : { cert: shown.cert, key: shown.key }),
      });
      onTestFinished(() => void socket.destroy());
      let text = '';
      let seen = '';
      socket.once('secureConnect', () => {
        seen = socket.getPeerCertificate().subjectaltname ?? '';
        socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      });
      socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
      socket.on('error', () => {});
      socket.on('close', () => {
        const status = text.slice(9, 12);
        resolve(status === '' ? 'cut' : `${seen} ${status} ${text.slice(text.indexOf('\r\n\r\n') + 4)}`);
      });
    });
}

test('the name of the handshake chooses the certificate, that of the request the route', async () => {
  const ask = await world();
  expect(await ask('a.test', 'a.test')).toBe('DNS:a.test 200 the route of a.test');
  expect(await ask('a.test', 'b.test')).toBe('DNS:a.test 200 the route of b.test');
  expect(await ask('b.test', 'a.test')).toBe('DNS:b.test 200 the route of a.test');
  // Who names nobody that is here is shown the first.
  expect(await ask('c.test', 'b.test')).toBe('DNS:a.test 200 the route of b.test');
  expect(await ask('a.test', 'c.test')).toMatch(/^DNS:a\.test 404 /);
});

test('what clients must show is demanded by whatever name they connect', async () => {
  const ask = await world({ authority: join(folder, 'authority.crt'), required: true });
  const stranger = testCertificate({ uris: ['spiffe://shop.test/sa/billing'] });
  for (const name of [...names, 'c.test']) {
    expect(await ask(name, 'a.test')).toBe('cut');
    expect(await ask(name, 'a.test', stranger)).toBe('cut');
    expect(await ask(name, 'b.test', known)).toMatch(/ 200 the route of b\.test$/);
  }
});
