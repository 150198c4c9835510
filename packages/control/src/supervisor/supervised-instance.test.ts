import { seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { InstanceStatus } from '../running-platform.ts';
import type { Launched, LaunchExit } from './launch.ts';
import { superviseInstance } from './supervised-instance.ts';

/** A run that a test makes ready and ends. */
function fakeRun(pid: number) {
  const ready = Promise.withResolvers<string | undefined>();
  const exited = Promise.withResolvers<LaunchExit>();
  const stops: number[] = [];
  const launched: Launched = {
    pid,
    ready: ready.promise,
    exited: exited.promise,
    async stop(graceMs) {
      stops.push(graceMs);
      exited.resolve({ code: 0, signal: null });
      await exited.promise;
    },
  };
  return {
    launched,
    stops,
    beReady: (url: string) => ready.resolve(url),
    end: (exit: LaunchExit) => exited.resolve(exit),
  };
}

function harness(plan?: (run: ReturnType<typeof fakeRun>, index: number) => void) {
  const clock = virtualClock();
  const runs: ReturnType<typeof fakeRun>[] = [];
  const urls: (string | undefined)[] = [];
  const seen: InstanceStatus[] = [];
  const instance = superviseInstance({
    name: 'orders',
    kind: 'service',
    clock,
    random: seededRandom(1),
    lastLines: () => ['last words'],
    onChange: (status) => seen.push(status),
    async launch(previousUrl) {
      const run = fakeRun(100 + runs.length);
      urls.push(previousUrl);
      runs.push(run);
      plan?.(run, runs.length - 1);
      return run.launched;
    },
  });
  const states = () => seen.map(({ state }) => state);
  return { clock, runs, urls, instance, states };
}

const crash: LaunchExit = { code: 3, signal: null };

test('an instance is ready when its process says so', async () => {
  const { instance, states } = harness((run) => run.beReady('http://127.0.0.1:5'));
  await instance.start();
  expect(instance.status()).toMatchObject({ state: 'ready', pid: 100, url: 'http://127.0.0.1:5', restarts: 0 });
  expect(states()).toEqual(['starting', 'starting', 'ready']);
  await instance.close();
});

test('a process that ends is started again at once, and is offered the address it had', async () => {
  const { clock, instance, runs, urls } = harness((run) => run.beReady('http://127.0.0.1:5'));
  await instance.start();
  runs[0]?.end({ code: null, signal: 'SIGKILL' });
  await clock.advance(0);
  expect(instance.status()).toMatchObject({ state: 'ready', pid: 101, restarts: 1 });
  expect(instance.status().lastExit).toMatchObject({
    signal: 'SIGKILL',
    reason: 'ended by SIGKILL',
    lastLines: ['last words'],
  });
  expect(urls).toEqual([undefined, 'http://127.0.0.1:5']);
  await instance.close();
});

test('a process that exits with 0 unasked is started again, and it is said', async () => {
  const { clock, instance, runs } = harness((run) => run.beReady('u'));
  await instance.start();
  runs[0]?.end({ code: 0, signal: null });
  await clock.advance(0);
  expect(instance.status()).toMatchObject({ state: 'ready', restarts: 1 });
  expect(instance.status().lastExit?.reason).toBe('exited with code 0 though nobody asked it to');
  await instance.close();
});

test('five quick exits are a crash loop: start rejects with the last words, and trying goes on at the longest delay', async () => {
  const { clock, instance, runs } = harness((run, index) => {
    if (index < 12) run.end(crash);
  });
  const started = instance.start();
  started.catch(() => undefined);
  await clock.advance(2_000);
  await expect(started).rejects.toMatchObject({
    code: 'INSTANCE_FAILED',
    message: expect.stringContaining('last words'),
  });
  expect(instance.status().state).toBe('crash-loop');
  const before = runs.length;
  await clock.advance(60_000);
  expect(runs.length).toBeGreaterThan(before);
  await instance.close();
  expect(clock.pending).toBe(0);
});

test('a process that never says it is ready is ended at the limit, and that counts as an exit', async () => {
  const { clock, instance, runs } = harness((run, index) => {
    if (index === 1) run.beReady('u');
  });
  const started = instance.start();
  await clock.advance(20_000);
  await started;
  expect(runs[0]?.stops).toEqual([0]);
  expect(instance.status().lastExit?.reason).toBe('did not say that it is ready within 20000 ms');
  await instance.close();
  expect(clock.pending).toBe(0);
});

test('a launch that fails counts as an exit', async () => {
  const clock = virtualClock();
  let tries = 0;
  const instance = superviseInstance({
    name: 'postgres',
    kind: 'database',
    clock,
    random: seededRandom(1),
    async launch() {
      tries += 1;
      throw new Error('no such program');
    },
  });
  const started = instance.start();
  started.catch(() => undefined);
  await clock.advance(2_000);
  await expect(started).rejects.toMatchObject({
    message: expect.stringContaining('could not be started: no such program'),
  });
  expect(tries).toBeGreaterThan(4);
  await instance.close();
});

test('closing stops the run with its grace and starts no other', async () => {
  const { clock, instance, runs, states } = harness((run) => run.beReady('u'));
  await instance.start();
  await instance.close({ graceMs: 700 });
  await clock.advance(60_000);
  expect(runs).toHaveLength(1);
  expect(runs[0]?.stops).toEqual([700]);
  expect(states().slice(-2)).toEqual(['stopping', 'stopped']);
  expect(instance.status()).toMatchObject({ state: 'stopped', pid: undefined });
});

test('closing during a backoff ends the wait at once', async () => {
  const { clock, instance, runs } = harness((run) => run.end(crash));
  instance.start().catch(() => undefined);
  await clock.advance(50);
  const launched = runs.length;
  await instance.close();
  expect(clock.pending).toBe(0);
  expect(runs).toHaveLength(launched);
  expect(instance.status().state).toBe('stopped');
});

test('an instance that was closed before it was started never launches', async () => {
  const { instance, runs } = harness();
  await instance.close();
  await expect(instance.start()).rejects.toMatchObject({ code: 'INSTANCE_FAILED' });
  expect(runs).toHaveLength(0);
});
