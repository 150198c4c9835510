import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { testCertificate, type TestCertificate } from '@fairlead/net/testing';
import { acmeStorage } from '../acme/acme-storage.ts';
import type { ListenerTls } from '../snapshot/compiled-snapshot.ts';
import { fileTls } from './listener-tls.ts';

const LOOK_MS = 10_000;

async function world() {
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const telemetry = recordingTelemetry({ clock });
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-tls-'));
  const certificate = join(folder, 'tls.crt');
  const key = join(folder, 'tls.key');
  const write = async (pair: Pick<TestCertificate, 'cert' | 'key'>) => {
    await writeFile(certificate, pair.cert);
    await writeFile(key, pair.key);
  };
  await write(testCertificate({ names: ['first.test'] }));
  const spec: ListenerTls = {
    certificates: [{ certificate, key, names: undefined, at: [] }],
    acme: undefined,
    clientAuthority: undefined,
    requiresClients: false,
    minVersion: '1.2',
  };
  const { log, metrics } = telemetry;
  const open = (changes: Partial<ListenerTls> = {}) =>
    fileTls({ ...spec, ...changes }, { clock, random: seededRandom('tls'), log, metrics, listener: 'door' });
  const messages = () => telemetry.logs.map((line) => line.msg);
  return {
    clock,
    folder,
    telemetry,
    spec,
    write,
    open,
    messages,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Lets what reads files come to its end. */
async function settled(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn += 1) await readFile(import.meta.filename);
}

test('a certificate that is renewed is taken, one that can not be used is not, and both are told', async () => {
  await using files = await world();
  const tls = await files.open();
  const names = () => tls.certificates.inspect().flatMap((each) => each.names);
  await files.write(testCertificate({ names: ['second.test'] }));
  await files.clock.advance(LOOK_MS);
  await settled(() => names().includes('second.test'));
  expect(names()).toEqual(['second.test']);
  await files.write({ cert: 'none', key: 'none' });
  await files.clock.advance(LOOK_MS);
  await settled(() => files.messages().includes('new certificates are not used'));
  expect(files.messages()).toEqual(['certificates were renewed', 'new certificates are not used']);
  expect(names()).toEqual(['second.test']);
  await tls.close();
});

test('a certificate that ends soon is warned of, once', async () => {
  await using files = await world();
  await files.write(testCertificate({ names: ['old.test'], notAfter: new Date('2030-01-05T00:00:00Z') }));
  const tls = await files.open();
  expect(files.messages()).toEqual(['a certificate ends soon']);
  await files.clock.advance(LOOK_MS);
  await settled(() => files.clock.pending > 0);
  expect(files.messages()).toEqual(['a certificate ends soon']);
  await tls.close();
  expect(files.clock.pending).toBe(0);
});

test('another snapshot brings other certificates, or none of them', async () => {
  await using files = await world();
  const tls = await files.open();
  const names = () => tls.certificates.inspect().flatMap((each) => each.names);
  const [certificate, key] = [join(files.folder, 'more.crt'), join(files.folder, 'more.key')];
  const more = { certificate, key, names: undefined, at: [] };
  const next = { ...files.spec, certificates: [...files.spec.certificates, more] };
  await expect(tls.prepare(next)).rejects.toThrow("more.crt can't be read");
  const made = testCertificate({ names: ['more.test'] });
  await writeFile(certificate, made.cert);
  await writeFile(key, testCertificate().key);
  await expect(tls.prepare(next)).rejects.toThrow("more.crt can't be used with its key");
  expect(names()).toEqual(['first.test']);
  await writeFile(key, made.key);
  (await tls.prepare(next))();
  await settled(() => names().length === 2);
  expect(names()).toEqual(['first.test', 'more.test']);
  expect(await files.telemetry.metrics.exposition()).toContain(
    'fairlead_certificate_expiry_timestamp_seconds{listener="door",certificate="more.test",',
  );
  await tls.close();
  expect(await files.telemetry.metrics.exposition()).not.toContain('certificate="more.test"');
});

test('before an authority has issued a certificate handshakes are refused, and told of once a minute; then it is shown', async () => {
  await using files = await world();
  const acme = {
    directory: 'https://127.0.0.1:1/dir',
    contact: [],
    names: ['shop.test'],
    storage: join(files.folder, 'acme'),
    eab: undefined,
    authority: undefined,
  };
  const tls = await files.open({ certificates: [], acme });
  const { contextFor } = tls.certificates;
  expect([contextFor('shop.test'), contextFor('shop.test')]).toEqual([undefined, undefined]);
  const refusals = () => files.messages().filter((message) => message.startsWith('handshakes are refused'));
  expect(refusals()).toHaveLength(1);
  // As another process keeps it.
  await acmeStorage(acme, { clock: files.clock, random: seededRandom('other') }).keep(
    testCertificate({ names: ['shop.test'] }),
  );
  await settled(() => files.clock.pending > 0);
  await files.clock.advance(LOOK_MS);
  await settled(() => contextFor('shop.test') !== undefined);
  expect(contextFor('else.test')).toBeDefined();
  await tls.close();
});
