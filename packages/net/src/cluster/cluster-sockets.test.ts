import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom, realTurn, seededRandom, virtualClock } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../server/serve.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { openCluster } from './cluster.ts';
import { proberOf } from './prober.ts';

/** Servers that say their names and how they are, and a cluster of them whose time is virtual. */
async function world(names: readonly string[], options: Partial<ClusterOptions>) {
  const folder = await mkdtemp(join(tmpdir(), 'fl-'));
  const health = new Map<string, number>();
  const servers = await Promise.all(
    names.map((name) =>
      serve({
        listen: { path: join(folder, name) },
        clock: realClock(),
        onRequest: (request) => {
          const isCheck = request.head.target === '/health/ready';
          request.answer(isCheck ? (health.get(name) ?? 200) : 200, {}, name);
        },
        refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
      }),
    ),
  );
  const clock = virtualClock();
  const events: ClusterEvent[] = [];
  const random = seededRandom('sockets');
  let ended = 0;
  const cluster = openCluster({
    name: 'orders',
    makeProber: (...which) => {
      const prober = proberOf({ clock, random })(...which);
      return {
        async probe(signal) {
          const finding = await prober.probe(signal);
          ended += 1;
          return finding;
        },
      };
    },
    endpoints: names.map((name) => ({ endpoint: { path: join(folder, name) } })),
    clock,
    random,
    observe: (event) => events.push(event),
    ...options,
  });
  onTestFinished(async () => {
    await cluster.close({ graceMs: 0 });
    expect(clock.pending).toBe(0);
    await Promise.all(servers.map((server) => server.close({ graceMs: 0 })));
    await rm(folder, { recursive: true, force: true });
  });
  const call = async (): Promise<string> => {
    using ctx = createContext({ clock: realClock(), random: realRandom(), timeoutMs: 30_000 });
    const picked = cluster.pick();
    if (picked === undefined) return cluster.refusal;
    picked.began();
    try {
      const { body } = await picked.pool.request(ctx, { method: 'GET', target: '/', fields: {}, body: undefined });
      picked.ended('ok', 0);
      return body.toString();
    } catch (error) {
      picked.ended('connect-failed', 0);
      throw error;
    }
  };
  const calls = async (count: number): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: count }, call)));
  let due = names.length;
  /** One more round of checks, made over sockets while time stands still, and then what has come of them. */
  const checked = async (): Promise<ClusterEvent | undefined> => {
    while (ended < due) await realTurn();
    due += names.length;
    await clock.advance(5_500);
    while (ended < due) await realTurn();
    await realTurn();
    return events.at(-1);
  };
  return { cluster, health, calls, checked };
}

test('requests go to those whose checks succeed, and to others when that changes', async () => {
  const { health, calls, checked } = await world(['a', 'b'], { health: {} });
  expect(await calls(40)).toEqual(new Set(['a', 'b']));
  health.set('a', 503);
  expect(await checked()).toMatchObject({ kind: 'unhealthy', why: 'GET /health/ready was answered 503' });
  expect(await calls(40)).toEqual(new Set(['b']));
  health.set('a', 200);
  expect(await checked()).toMatchObject({ kind: 'unhealthy' });
  expect(await checked()).toMatchObject({ kind: 'healthy' });
  expect(await calls(40)).toEqual(new Set(['a', 'b']));
});

test('requests that were under way at an update end where they are', async () => {
  const { cluster, calls } = await world(['a'], {});
  const under = calls(5);
  cluster.update([]);
  expect(await calls(1)).toEqual(new Set(['no-endpoints']));
  expect(await under).toEqual(new Set(['a']));
});
