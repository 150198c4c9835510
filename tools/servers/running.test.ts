import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../repository.ts';
import { temporaryTree } from '../testing/temporary-tree.ts';
import { converse, line, portOf } from './conversation.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import { serverState, startServer, stopServer } from './running.ts';
import type { ServerKind } from './server.ts';

/** A server that says hello to whoever connects, after `before`. */
function greeter(before = ''): ServerKind {
  return {
    name: 'greeter',
    packages: [],
    elsewhere: '',
    installed: () => true,
    async prepare({ freePort }) {
      const port = await freePort();
      const script = `${before}; require('node:net').createServer((s) => s.end('hello\\r\\n')).listen(${port}, '127.0.0.1')`;
      return { url: `tcp://127.0.0.1:${port}`, commands: [{ file: process.execPath, args: ['-e', script] }] };
    },
    greet: (url, timeoutMs) => converse({ port: portOf(url), say: '', understand: line(/^hello\r\n/), timeoutMs }),
  };
}

const place = (root: string): { dir: string; cacheDir: string } => ({
  dir: join(root, 'servers'),
  cacheDir: join(root, 'cache'),
});

test('a server outlives its starter, is found again, and is gone after down', async () => {
  using tree = temporaryTree({});
  const started = await startServer(greeter(), place(tree.root));
  expect(started).toMatchObject({ state: 'up', greeting: 'hello' });
  expect(await startServer(greeter(), place(tree.root))).toEqual(started);
  const saved = JSON.parse(readFileSync(join(tree.root, 'servers/greeter/state.json'), 'utf8')) as {
    processes: ProcessIdentity[];
  };
  await stopServer(greeter(), place(tree.root));
  await stopServer(greeter(), place(tree.root));
  expect(saved.processes.filter(isAlive)).toEqual([]);
  expect(await serverState(greeter(), place(tree.root))).toEqual({ name: 'greeter', state: 'down' });
});

test('a server that ends while it starts is unavailable, with the last lines of its log', async () => {
  using tree = temporaryTree({});
  const state = await startServer(greeter(`console.error('no such setting: x'); process.exit(1)`), place(tree.root));
  expect(state).toMatchObject({ state: 'unavailable', reason: expect.stringContaining('no such setting: x') });
  expect(await serverState(greeter(), place(tree.root))).toMatchObject({ state: 'down' });
});

test('a program that is not there is a reason, not a crash', async () => {
  using tree = temporaryTree({});
  const kind: ServerKind = {
    ...greeter(),
    prepare: () => Promise.resolve({ url: 'tcp://127.0.0.1:1', commands: [{ file: '/nowhere/at-all', args: [] }] }),
  };
  expect(await startServer(kind, place(tree.root))).toMatchObject({
    state: 'unavailable',
    reason: '/nowhere/at-all did not start',
  });
});

test('a process that was given the id of an ended one is neither taken for it nor ended', async () => {
  using tree = temporaryTree({ 'servers/greeter/state.json': '' });
  const other = { pid: process.pid, started: 'long ago' };
  expect(isAlive(other)).toBe(false);
  expect(identify(process.pid)).toBeDefined();
  const file = join(tree.root, 'servers/greeter/state.json');
  writeFileSync(file, JSON.stringify({ url: 'tcp://127.0.0.1:1', processes: [other] }));
  await stopServer(greeter(), place(tree.root));
  expect(isAlive(identify(process.pid)!)).toBe(true);
});

test('an unknown server and an unknown command are refused with the names of the known ones', () => {
  for (const args of [['up', 'oracle'], ['restart'], []]) {
    const ended = spawnSync(
      process.execPath,
      ['--conditions=@fairlead/source', join(ROOT, 'tools/servers/main.ts'), ...args],
      { encoding: 'utf8' },
    );
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain('servers: postgresql, redis, rabbitmq');
  }
});
