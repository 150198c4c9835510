import { once } from 'node:events';
import { chmod, chown } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nothingRuns, STRANGER, WITHOUT_OVERRIDE, yard } from './bad-input/fairlead.ts';

const PONG = "services: { pong: '~/pong.ts', ping: '~/ping.ts' }";

test('a typo in a blueprint is told with its place and what was meant', async () => {
  await using at = await yard("servces: { pong: '~/pong.ts' }, services: { pong: '~/pnog.ts' }");
  const { code, err } = await at.run(['check', '--platform', '<platform>']);
  expect(code).toBe(1);
  expect(err).toMatch(/servces.*did you mean.*services/i);
  expect(err).not.toMatch(/^\s+at /m);
});

test('a second service of one name is refused at its key', async () => {
  await using at = await yard("services: { pong: '~/pong.ts', ping: '~/throwing.ts' }");
  const { code, err } = await at.run(['check', '--platform', '<platform>']);
  expect([code, err]).toEqual([1, expect.stringContaining('defines the service "pong"')]);
  expect(err).toContain("the key and the contract's name must be the same");
});

test('a contract that JSON can not carry names the place and the way out', async () => {
  await using at = await yard("services: { pong: '~/unfit.ts' }");
  const { code, err } = await at.run(['check', '--platform', '<platform>']);
  expect([code, err]).toEqual([1, expect.stringMatching(/pong/)]);
  expect(err).toMatch(/date|bigint/i);
  expect(err).not.toMatch(/^\s+at /m);
});

test('a port in use is told with its number and its flag, and nothing is left', async () => {
  await using at = await yard(PONG);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = String((taken.address() as AddressInfo).port);
  const flags = ['--platform', '<platform>', '--data-dir', at.dataDir, '--gateway-port', port, '--admin-port', '0'];
  const { code, err } = await at.run(['up', ...flags]);
  taken.close();
  expect(code).toBe(1);
  expect(err).toContain(`Port ${port} of 127.0.0.1 is in use by another program`);
  expect(err).toContain('--gateway-port');
  await nothingRuns(at);
});

test('a migration that fails is told with file, line and reason; up ends with 1 and leaves nothing', async () => {
  await using at = await yard("services: { pong: '~/migrating.ts' }");
  const { code, err } = await at.up();
  expect(code).toBe(1);
  expect(err).toContain('pong, set pong: 0002_masts.sql:3 failed and was rolled back: type "integr" does not exist');
  expect(err).toContain('Correct the file and run again.');
  await nothingRuns(at);
});

test('services that use each other in a circle are a warning, and they start and call', async () => {
  const routes = "gateway: { routes: [{ path: '/ping', service: 'ping' }] }";
  await using at = await yard(`${PONG}, ${routes}`);
  const checked = await at.run(['check', '--platform', '<platform>']);
  expect([checked.code, checked.out]).toEqual([0, expect.stringMatching(/warning: .*ping.*pong/)]);
  let status = 0;
  const { code, err } = await at.up({
    async onLine(line) {
      const event = JSON.parse(line) as { event: string; gateway: string };
      if (event.event !== 'ready') return false;
      const minted = await at.run(['token', '--tenant', 'any', '--subject', 'ada', '--data-dir', at.dataDir]);
      const headers = { authorization: `Bearer ${minted.out.trim()}` };
      const answer = await fetch(`${event.gateway}/ping`, { headers });
      status = answer.status;
      await answer.arrayBuffer();
      return true;
    },
  });
  expect([status, code, err]).toEqual([200, 0, '']);
});

test.skipIf(process.getuid?.() !== 0)('a data directory of somebody else is told with what to do', async () => {
  await using at = await yard(PONG);
  // Its folder may be read, and nothing made in it.
  await chown(join(at.dataDir, '..'), STRANGER, STRANGER);
  await chmod(join(at.dataDir, '..'), 0o755);
  const { code, err } = await at.up({ under: WITHOUT_OVERRIDE });
  expect(code).toBe(1);
  expect(err).toContain(
    `${at.dataDir} can't be used as the data directory (EACCES). Give this user the right to write`,
  );
  expect(err).toContain('--data-dir');
});
