import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@fairlead/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endLeftovers } from './leftovers.ts';
import { identify } from './process-identity.ts';
import { readState, stateWriter } from './state-file.ts';
import type { InstanceStatus } from '../running-platform.ts';

const clock = realClock();
let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'leftovers-test-'));
});
afterEach(() => rm(dir, { recursive: true }));

function instance(pid: number | undefined): InstanceStatus {
  return {
    name: 'orders',
    kind: 'service',
    state: 'ready',
    pid,
    url: undefined,
    restarts: 0,
    since: 0,
    lastExit: undefined,
  };
}

async function record(pid: number, socketDir = '/nowhere'): Promise<void> {
  const writer = stateWriter(
    dir,
    () => ({
      version: 1,
      platform: 'p',
      supervisor: { pid: 1, started: '' },
      socketDir,
      gatewayUrl: undefined,
      adminUrl: undefined,
      instances: [instance(pid)],
    }),
    (error) => {
      throw error;
    },
  );
  writer.touch();
  await writer.flush();
}

function sleeper() {
  return spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
}

test('a process of a killed supervisor is ended, and the record with it', async () => {
  const child = sleeper();
  await record(child.pid ?? 0);
  const ended = once(child, 'exit');
  expect(await endLeftovers(dir, { clock })).toEqual(['orders']);
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect(await readdir(dir)).toEqual([]);
});

test('another process that was given the number since is left alone', async () => {
  const child = sleeper();
  await record(child.pid ?? 0);
  const state = await readState(dir);
  const { replaceFile } = await import('./data-dir.ts');
  const forged = { ...state, instances: state?.instances.map((entry) => ({ ...entry, started: 'in another life' })) };
  await replaceFile(join(dir, 'state.json'), JSON.stringify(forged));
  expect(await endLeftovers(dir, { clock })).toEqual([]);
  expect(await identify(child.pid ?? 0)).toBeDefined();
  child.kill('SIGKILL');
});

test("a killed run's sockets are removed, a folder of another kind is not", async () => {
  const sockets = await mkdtemp(join(tmpdir(), 'fairlead-'));
  const other = join(dir, 'other');
  await mkdir(other);
  await record(4_000_000, sockets);
  await endLeftovers(dir, { clock });
  await expect(stat(sockets)).rejects.toThrow('ENOENT');
  await record(4_000_000, other);
  await endLeftovers(dir, { clock });
  expect((await stat(other)).isDirectory()).toBe(true);
});

test('the state file is for its owner only', async () => {
  await record(process.pid);
  expect((await stat(join(dir, 'state.json'))).mode & 0o777).toBe(0o600);
  expect((await readState(dir))?.instances[0]?.started).toBe((await identify(process.pid))?.started);
});
