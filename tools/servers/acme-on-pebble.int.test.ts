// Certificates by ACME against Pebble, which rejects a third of all nonces and asks for each proof over http-01.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { get, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { realClock, realRandom, type Clock } from '@fairlead/core';
import { loadSnapshot, startStandalone, type Engine } from '@fairlead/proxy';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { pebble } from './pebble.ts';
import { canHave } from './real-server.ts';
import type { Launch } from './server.ts';

const PATIENT = { timeout: 120_000, interval: 200 };
const isMissing = !canHave(pebble);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Settings {
  readonly httpPort: number;
  readonly managementListenAddress: string;
}

/** An authority that is not started yet, and gateways that have their certificates of it; `binding` are accounts that it wants bound. */
async function world(binding?: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-pebble-'));
  const dataDir = join(folder, 'pebble');
  await mkdir(dataDir);
  const launch: Launch = await pebble.prepare({ dataDir, cacheDir: folder, freePort });
  const written = join(dataDir, 'pebble.json');
  const { pebble: settings } = JSON.parse(await readFile(written, 'utf8')) as { pebble: Settings };
  if (binding !== undefined) {
    const bound = { externalAccountBindingRequired: true, externalAccountMACKeys: binding };
    await writeFile(written, JSON.stringify({ pebble: { ...settings, ...bound } }));
  }
  const children: ChildProcess[] = [];
  onTestFinished(async () => {
    for (const child of children) child.kill('SIGKILL');
    // A gateway that has just ended gives its order up.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  async function startAuthority(): Promise<void> {
    for (const { file, args, env } of launch.commands)
      children.push(spawn(file, args, { env: { ...process.env, ...env }, stdio: 'ignore' }));
    await expect.poll(() => pebble.greet(launch.url, 5_000).catch(() => ''), PATIENT).toBe('newOrder');
  }

  async function root(): Promise<string> {
    const [answer] = await once(
      get(`https://${settings.managementListenAddress}/roots/0`, { agent: false, rejectUnauthorized: false }),
      'response',
    );
    let text = '';
    for await (const part of answer) text += String(part);
    return text;
  }

  async function startGateway({
    names = ['shop.test', 'www.shop.test'],
    httpPort = settings.httpPort,
    clock = realClock() as Clock,
    eab = undefined as { readonly keyId: string; readonly key: string } | undefined,
  } = {}) {
    const file = join(folder, 'gateway.json');
    const acme = {
      directory: launch.url,
      authority: 'pebble/authority.pem',
      contact: ['ops@shop.test'],
      agreedToTerms: true,
      names,
      storage: 'acme',
      ...(eab === undefined ? {} : { eab }),
    };
    await writeFile(
      file,
      JSON.stringify({
        listeners: [
          { name: 'plain', address: `127.0.0.1:${httpPort}` },
          { name: 'secure', address: '127.0.0.1:0', tls: { acme } },
        ],
        routes: [{ name: 'all', filters: [{ type: 'respond', status: 200, body: 'served' }] }],
        clusters: {},
      }),
    );
    const telemetry = recordingTelemetry({ clock });
    const snapshot = await loadSnapshot(file, { clock });
    const engine: Engine = await startStandalone({ snapshot, clock, random: realRandom(), telemetry });
    onTestFinished(() => engine.close({ graceMs: 0 }));
    const port = Number(new URL(engine.urls.get('secure') ?? '').port);
    return {
      engine,
      telemetry,
      port,
      messages: () => telemetry.logs.map(({ msg }) => msg),
      /** The serial number of the certificate for a name; empty while there is none. */
      async serial(name = 'shop.test'): Promise<string> {
        const socket = connect({ port, host: '127.0.0.1', servername: name, rejectUnauthorized: false });
        try {
          await once(socket, 'secureConnect');
          return socket.getPeerCertificate().serialNumber;
        } catch {
          return '';
        } finally {
          socket.destroy();
        }
      },
      async ask(name: string, ca: string): Promise<string> {
        const asked = request({ port, host: '127.0.0.1', servername: name, ca, agent: false, headers: { host: name } });
        asked.end();
        const [answer] = await once(asked, 'response');
        let text = '';
        for await (const part of answer) text += String(part);
        return text;
      },
    };
  }
  return { folder, startAuthority, startGateway, root };
}

/** A clock that is so far ahead. */
function ahead(ms: number): Clock {
  const clock = realClock();
  return {
    now: () => clock.now() + ms,
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, fn) => clock.setTimer(delayMs, fn),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  };
}

test.skipIf(isMissing)(
  'an authority that is down stops no start; when it is there a certificate comes, stays over a restart, and is renewed in time',
  async () => {
    const yard = await world();
    const first = await yard.startGateway();
    expect(await first.serial()).toBe('');
    await expect.poll(first.messages, PATIENT).toContain('a certificate could not be issued; what there is stays');
    expect(first.messages().filter((message) => message.startsWith('handshakes are refused'))).toHaveLength(1);

    await yard.startAuthority();
    await expect.poll(() => first.serial(), PATIENT).not.toBe('');
    const ca = await yard.root();
    for (const name of ['shop.test', 'www.shop.test']) expect(await first.ask(name, ca)).toBe('served');
    const issued = await first.serial();
    await first.engine.close({ graceMs: 0 });

    const second = await yard.startGateway();
    expect(await second.serial()).toBe(issued);
    await second.engine.close({ graceMs: 0 });

    // Pebble's certificates are for five years.
    const third = await yard.startGateway({ clock: ahead(4.5 * 365 * 24 * 3_600_000) });
    const open: TLSSocket = connect({ port: third.port, host: '127.0.0.1', servername: 'shop.test', ca });
    await once(open, 'secureConnect');
    expect(open.getPeerCertificate().serialNumber).toBe(issued);
    await expect.poll(() => third.serial(), PATIENT).not.toBe(issued);
    expect(await third.ask('shop.test', ca)).toBe('served');
    // The connection of before goes on.
    open.write('GET / HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n');
    let text = '';
    for await (const part of open) text += String(part);
    expect(text).toContain('served');
    expect(third.messages()).toContain('certificates were renewed');
  },
);

test.skipIf(isMissing)(
  'a proof that the authority does not get leaves what there is, and is told in its words',
  async () => {
    const yard = await world();
    await yard.startAuthority();
    const gateway = await yard.startGateway({ httpPort: await freePort(), names: ['shop.test'] });
    const failures = () =>
      gateway.telemetry.logs.filter(({ msg }) => msg === 'a certificate could not be issued; what there is stays');
    await expect.poll(failures, PATIENT).toHaveLength(1);
    expect(JSON.stringify(failures()[0])).toMatch(/The proof for shop\.test is invalid: .*connection refused/);
    expect(await gateway.serial()).toBe('');
  },
);

test.skipIf(isMissing)(
  'gateways that share a folder order one certificate, and whichever is asked has the proof',
  async () => {
    const yard = await world();
    await yard.startAuthority();
    const both = [await yard.startGateway(), await yard.startGateway({ httpPort: await freePort() })];
    await expect
      .poll(async () => (await Promise.all(both.map((each) => each.serial()))).includes(''), PATIENT)
      .toBe(false);
    const [one, other] = await Promise.all(both.map((each) => each.serial()));
    expect(other).toBe(one);
    const orders = both.flatMap((each) => each.messages()).filter((message) => message === 'a certificate was issued');
    expect(orders).toHaveLength(1);
  },
);

test.skipIf(isMissing)('an authority that wants accounts bound gets what binds them, and refuses others', async () => {
  const key = Buffer.from('thirty-two bytes for an account!').toString('base64url');
  const yard = await world({ 'kid-7': key });
  await yard.startAuthority();
  await writeFile(join(yard.folder, 'eab.key'), `${key}\n`);
  const stranger = await yard.startGateway({ names: ['stranger.test'] });
  await expect.poll(stranger.messages, PATIENT).toContain('a certificate could not be issued; what there is stays');
  expect(JSON.stringify(stranger.telemetry.logs)).toContain('externalAccountRequired');
  await stranger.engine.close({ graceMs: 0 });
  const gateway = await yard.startGateway({ eab: { keyId: 'kid-7', key: 'eab.key' } });
  await expect.poll(() => gateway.serial(), PATIENT).not.toBe('');
});
