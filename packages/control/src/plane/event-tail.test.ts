import { virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { InstanceStatus } from '../running-platform.ts';
import type { AskInstance } from './ask-instance.ts';
import { tailEvents } from './event-tail.ts';

interface Logged {
  readonly time: string;
  readonly type: string;
  readonly subject: string;
}

/** Services with a log each, as they answer `/internal/events`; positions count from 1. */
function services(logs: Record<string, Logged[]>) {
  const asked: string[] = [];
  const down = new Set<string>();
  const ask: AskInstance = async (url, { path }) => {
    const name = url.slice('unix:/'.length);
    asked.push(`${name} ${path}`);
    if (down.has(name)) throw new Error('connect ENOENT');
    const query = new URL(path, 'http://x').searchParams;
    const log = (logs[name] ?? []).map((event, index) => ({ ...event, sequence: index + 1 }));
    const after = query.get('after');
    const items = log
      .filter(({ time, sequence }) =>
        after === null ? Date.parse(time) >= Number(query.get('since')) : sequence > Number(after),
      )
      .slice(0, Number(query.get('limit')));
    return JSON.stringify({ items, position: String(items.at(-1)?.sequence ?? after ?? 0) });
  };
  const instances = Object.keys(logs).map((name): InstanceStatus => ({
    name,
    kind: 'service',
    state: 'ready',
    pid: 1,
    url: `unix:/${name}`,
    restarts: 0,
    since: 0,
    lastExit: undefined,
  }));
  return { instances, asked, down, options: { clock: virtualClock({ startMs: 1_000_000 }), ask } };
}

const at = (ms: number, type: string, subject = 'k'): Logged => ({ time: new Date(ms).toISOString(), type, subject });
const typesOf = ({ items }: { readonly items: readonly Readonly<Record<string, unknown>>[] }) =>
  items.map(({ type }) => type);

test('several logs are read as one in order of time, and the cursor goes on where each ended', async () => {
  const logs = { a: [at(1, 'a.1'), at(4, 'a.2')], b: [at(2, 'b.1'), at(3, 'b.2')] };
  const { instances, options } = services(logs);
  const first = await tailEvents(instances, { since: 0, limit: 1 }, options);
  expect([typesOf(first), first.read]).toEqual([['a.1', 'b.1'], 2]);
  const second = await tailEvents(instances, { cursor: first.cursor }, options);
  expect(typesOf(second)).toEqual(['b.2', 'a.2']);
  const third = await tailEvents(instances, { cursor: second.cursor }, options);
  expect(third).toEqual({ items: [], cursor: 'a:2,b:2', read: 0, unanswered: [] });
});

test('without a cursor or a time it begins now, also for a log that is empty yet', async () => {
  const logs: Record<string, Logged[]> = { a: [at(999_999, 'old')], b: [] };
  const { instances, options } = services(logs);
  const first = await tailEvents(instances, {}, options);
  expect(first).toMatchObject({ items: [], cursor: 'a:@1000000,b:@1000000' });
  logs['b']?.push(at(1_000_001, 'new'));
  const second = await tailEvents(instances, { cursor: first.cursor }, options);
  expect([typesOf(second), second.cursor]).toEqual([['new'], 'a:@1000000,b:1']);
});

test('where a service has only had something to say to itself, the cursor goes on all the same', async () => {
  const { instances, options } = services({ a: [] });
  const ask: AskInstance = async () => JSON.stringify({ items: [], position: '7' });
  expect(await tailEvents(instances, {}, { ...options, ask })).toMatchObject({ items: [], cursor: 'a:7', read: 0 });
});

test('a service that does not answer is named, and read from where it was when it does', async () => {
  const { instances, options, down } = services({ a: [at(1, 'a.1')], b: [at(2, 'b.1')] });
  down.add('b');
  const first = await tailEvents(instances, { since: 0 }, options);
  expect([typesOf(first), first.unanswered]).toEqual([['a.1'], [{ service: 'b', reason: 'connect ENOENT' }]]);
  down.clear();
  expect(typesOf(await tailEvents(instances, { cursor: first.cursor }, options))).toEqual(['b.1']);
});

test('types, their beginnings and keys are told apart, and what does not match still counts as read', async () => {
  const log = [at(1, 'order.placed', 'x'), at(2, 'order.ended', 'y'), at(3, 'ordering', 'x')];
  const { instances, options } = services({ a: log });
  const of = async (filter: { type?: string; key?: string }) => tailEvents(instances, { since: 0, ...filter }, options);
  expect(typesOf(await of({ type: 'order.*' }))).toEqual(['order.placed', 'order.ended']);
  expect(typesOf(await of({ type: 'order.placed' }))).toEqual(['order.placed']);
  expect(typesOf(await of({ key: 'x' }))).toEqual(['order.placed', 'ordering']);
  expect(await of({ key: 'z' })).toMatchObject({ items: [], read: 3, cursor: 'a:3' });
});

test('only the named services are asked; a wrong name or cursor is refused with the reason', async () => {
  const { instances, options, asked } = services({ orders: [], payments: [] });
  await tailEvents(instances, { service: ['orders'], since: 5 }, options);
  expect(asked).toEqual(['orders /internal/events?since=5&limit=100']);
  await expect(tailEvents(instances, { service: ['order'] }, options)).rejects.toMatchObject({
    code: 'UNKNOWN_SERVICE',
    message: expect.stringContaining('Did you mean "orders"?'),
  });
  for (const cursor of ['orders', 'orders:x', 'orders:1&limit=9', '../x:1'])
    await expect(tailEvents(instances, { cursor }, options)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});
