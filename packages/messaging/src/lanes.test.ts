import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('tasks of one key run one after the other, others meanwhile, up to the limit', async () => {
  const lanes = new Lanes(2);
  const started: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  for (const id of ['a1', 'a2', 'b1', 'c1']) {
    const gate = Promise.withResolvers<void>();
    gates.set(id, gate);
    lanes.add(id.slice(0, 1), async () => {
      started.push(id);
      await gate.promise;
    });
  }
  expect(started).toEqual(['a1', 'b1']);
  gates.get('a1')!.resolve();
  await turn();
  expect(started).toEqual(['a1', 'b1', 'c1']);
  gates.get('b1')!.resolve();
  await turn();
  expect(started).toEqual(['a1', 'b1', 'c1', 'a2']);
  expect(lanes.busy('a')).toBe(true);
  expect(lanes.busy('b')).toBe(false);
});

test('idle resolves when the last task has ended', async () => {
  const lanes = new Lanes(1);
  await lanes.idle();
  const gate = Promise.withResolvers<void>();
  lanes.add('a', () => gate.promise);
  let idle = false;
  const waiting = lanes.idle().then(() => (idle = true));
  await turn();
  expect(idle).toBe(false);
  gate.resolve();
  await waiting;
});

test('a slot that is held stays taken after its task, but its key goes on', async () => {
  const lanes = new Lanes(2);
  const held = Promise.withResolvers<void>();
  const started: string[] = [];
  lanes.add('a', async (hold) => hold(held.promise));
  lanes.add('a', async () => void started.push('a2'));
  const gate = Promise.withResolvers<void>();
  lanes.add('b', () => gate.promise);
  await turn();
  expect(started).toEqual([]);
  gate.resolve();
  await turn();
  expect(started).toEqual(['a2']);
  held.reject(new Error('a handler that failed late'));
  lanes.add('c', async () => void started.push('c'));
  lanes.add('d', async () => void started.push('d'));
  await turn();
  expect(started).toEqual(['a2', 'c', 'd']);
});
