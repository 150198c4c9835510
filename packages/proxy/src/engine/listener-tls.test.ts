import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { testCertificate, type TestCertificate } from '@fairlead/net/testing';
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
  const open = () =>
    fileTls({ certificate, key, clientAuthority: undefined, minVersion: '1.2' }, { clock, log: telemetry.log });
  const messages = () => telemetry.logs.map((line) => line.msg);
  return { clock, write, open, messages, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
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
  await settled(() => files.messages().includes('the new certificate is not used'));
  expect(files.messages()).toEqual(['a certificate was renewed', 'the new certificate is not used']);
  expect(names()).toEqual(['second.test']);
  tls.close();
});

test('a certificate that ends soon is warned of, once', async () => {
  await using files = await world();
  await files.write(testCertificate({ names: ['old.test'], notAfter: new Date('2030-01-05T00:00:00Z') }));
  const tls = await files.open();
  expect(files.messages()).toEqual(['a certificate ends soon']);
  await files.clock.advance(LOOK_MS);
  await settled(() => files.clock.pending > 0);
  expect(files.messages()).toEqual(['a certificate ends soon']);
  tls.close();
  expect(files.clock.pending).toBe(0);
});
