import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { running } from '../engine/engine.fixture.ts';
import { listenerForm } from './listener-form.ts';

test.each([
  ['0600', 0o600],
  ['660', 0o660],
])('who may connect to a socket is said as chmod has it: %s', async (mode, bits) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-mode-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'gateway.sock');
  const { engine } = await running({
    clusters: { none: { endpoints: [] } },
    listener: { address: `unix:${path}`, mode },
  });
  expect(engine.urls.get('web')).toBe(`unix:${path}`);
  expect((await stat(path)).mode & 0o777).toBe(bits);
});

test.each([
  ['0660', ':80', 'is of a Unix socket'],
  ['rw', 'unix:/run/a.sock', 'write it in octal and in quotes'],
  ['0999', 'unix:/run/a.sock', 'write it in octal and in quotes'],
  [660, 'unix:/run/a.sock', 'expected string'],
])('%s is no mode of a socket for %s', (mode, address, message) => {
  const { error } = listenerForm.safeParse({ name: 'web', address, mode });
  expect(error?.issues).toMatchObject([{ path: ['mode'], message: expect.stringContaining(message) }]);
});
