import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { realClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { launchChild } from './child-process.ts';
import { NODE_ARGS } from './entry-point.ts';
import { identify, processStarted } from './process-identity.ts';

const clock = realClock();
const fixture = join(import.meta.dirname, 'fixtures', 'child.ts');

async function launch(what: string, onLine: (line: string) => void = () => undefined) {
  const env = { FIXTURE: what, PATH: process.env['PATH'] ?? '' };
  return launchChild({ entry: fixture, env, cwd: import.meta.dirname, clock, onLine });
}

/** Collects lines; `seen` resolves with the first that matches. */
function lines() {
  const all: string[] = [];
  const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];
  return {
    all,
    push(line: string) {
      all.push(line);
      for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line);
    },
    seen(pattern: RegExp): Promise<string> {
      const known = all.find((line) => pattern.test(line));
      return known === undefined
        ? new Promise((resolve) => waiting.push({ pattern, resolve }))
        : Promise.resolve(known);
    },
  };
}

/** Resolves once no process has this number. */
async function gone(pid: number): Promise<void> {
  while ((await processStarted(pid)) !== undefined) await clock.sleep(10);
}

test('a child says where it is reached, hears messages, and ends when asked', async () => {
  const out = lines();
  const child = await launch('serve', out.push);
  expect(await child.ready).toBe('http://127.0.0.1:1');
  child.send?.({ type: 'hello' });
  await out.seen(/^heard \{"type":"hello"\}$/);
  await child.stop(10_000);
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('a child that crashes tells its code, after its last line was read', async () => {
  const out = lines();
  const child = await launch('crash', out.push);
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(out.all).toContain('the reason why');
});

test('a child that does not listen to SIGTERM is ended by force after the grace', async () => {
  const child = await launch('stubborn');
  await child.ready;
  await child.stop(50);
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a child is in a process group of its own, where a terminal does not reach it', async () => {
  const child = await launch('serve');
  await child.ready;
  expect(() => process.kill(-(child.pid ?? 0), 0)).not.toThrow();
  await child.stop(0);
});

test('what a child started and left behind ends with it', async () => {
  const out = lines();
  const child = await launch('parent', out.push);
  const pid = Number((await out.seen(/^grandchild /)).split(' ')[1]);
  expect(await identify(pid)).toBeDefined();
  process.kill(child.pid ?? 0, 'SIGKILL');
  await child.exited;
  await gone(pid);
});

test('a module that is not there is an exit with its reason', async () => {
  const out = lines();
  const child = await launchChild({ entry: '/nowhere.ts', env: {}, cwd: import.meta.dirname, clock, onLine: out.push });
  expect(await child.exited).toMatchObject({ code: 1 });
  expect(out.all.join('\n')).toContain('nowhere.ts');
});

test('kill -9 of the supervisor ends its children', async () => {
  const supervisor = spawn(process.execPath, [...NODE_ARGS, join(import.meta.dirname, 'fixtures', 'supervisor.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await createInterface({ input: supervisor.stdout })
    [Symbol.asyncIterator]()
    .next()
    .then(({ value }) => [String(value)]);
  const pid = Number(line);
  expect(await identify(pid)).toBeDefined();
  supervisor.kill('SIGKILL');
  await gone(pid);
});
