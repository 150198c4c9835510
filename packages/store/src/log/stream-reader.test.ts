import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { docs } from '../doc/docs.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';
import { append } from './log.ts';
import { readStream, streamTail, type StreamSnapshot } from './stream-reader.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom(), tenant: 'acme' });
const place = { namespace: 'snapshot', fits: 'v1' };
let streams = 0;
const newStream = (): string => `order-${(streams += 1)}`;

describe.each(bothDatabases(clock))('reading a stream on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  const add = (stream: string, ...data: readonly unknown[]) =>
    database.tx(ctx, (tx) =>
      append(
        tx,
        stream,
        'any',
        data.map((each) => ({ type: 'order.changed', key: 'k', data: each })),
      ),
    );
  const snapshot = (stream: string, body: StreamSnapshot) =>
    database.tx(ctx, (tx) => docs(place.namespace).put(tx, stream, body));

  test('it has the events of this stream, between versions and up to a position', async () => {
    const [stream, other] = [newStream(), newStream()];
    const first = await add(stream, 1, 2);
    await add(other, 'no');
    await add(stream, 3, 4);
    if (first.kind !== 'appended') throw new Error('a conflict');
    const read = async (query = {}) => (await readStream({ ctx, database }, stream, query)).map(({ data }) => data);
    expect(await read()).toEqual([1, 2, 3, 4]);
    expect(await read({ after: 1, through: 3 })).toEqual([2, 3]);
    expect(await read({ position: first.events[1]!.position })).toEqual([1, 2]);
    expect(await read({ limit: 1 })).toEqual([1]);
    expect((await readStream({ ctx, database }, stream))[0]).toEqual(first.events[0]);
    expect(await readStream({ ctx, database }, newStream())).toEqual([]);
  });

  test('a stream that nobody wrote has version 0 and nothing in it', async () => {
    const nothing = { version: 0, snapshot: undefined, snapshotVersion: 0, events: [] };
    expect(await streamTail({ ctx, database }, newStream(), place)).toEqual(nothing);
  });

  test('the tail has all events without a snapshot, and those after one that fits', async () => {
    const stream = newStream();
    await add(stream, 'a', 'b', 'c');
    const tail = () => streamTail({ ctx, database }, stream, place);
    const values = async () => (await tail()).events.map(({ version, data }) => [version, data]);
    expect(await tail()).toMatchObject({ version: 3, snapshot: undefined, snapshotVersion: 0 });
    expect(await values()).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    const body = { fits: 'v1', version: 2, position: '7', state: { n: 2 } };
    await snapshot(stream, body);
    const { snapshotVersion } = await tail();
    expect(await tail()).toMatchObject({ version: 3, snapshot: body });
    expect(snapshotVersion).toBeGreaterThan(0);
    expect(await values()).toEqual([[3, 'c']]);
    await snapshot(stream, { ...body, fits: 'v2' });
    expect(await tail()).toMatchObject({ version: 3, snapshot: undefined });
    expect((await tail()).snapshotVersion).toBeGreaterThan(snapshotVersion);
    expect((await values()).length).toBe(3);
  });

  test('a snapshot of another shape than it is written in is none, and events are read from the first', async () => {
    const stream = newStream();
    await add(stream, 'a', 'b');
    const odd = [
      { version: 2, fits: 'v1', position: '7', state: {} },
      { fits: 'v1', state: {}, version: 2, position: '7' },
      { fits: 'v', version: 2, position: '7', state: {} },
      { fits: 'v1"', version: 2, position: '7', state: {} },
      'v1',
    ];
    for (const body of odd) {
      await snapshot(stream, body as StreamSnapshot);
      const tail = await streamTail({ ctx, database }, stream, place);
      expect([tail.snapshot, tail.events.length], JSON.stringify(body)).toEqual([undefined, 2]);
    }
    const quoted = { fits: 'a"\\b', version: 1, position: '7', state: '"version":2,"position":' };
    await snapshot(stream, quoted);
    const tail = await streamTail({ ctx, database }, stream, { ...place, fits: quoted.fits });
    expect([tail.snapshot, tail.events.length]).toEqual([quoted, 1]);
  });

  test("another tenant's snapshot is not one of ours", async () => {
    const stream = newStream();
    await add(stream, 'a');
    await snapshot(stream, { fits: 'v1', version: 1, position: '1', state: 0 });
    const zenith = ctx.derive({ tenant: 'zenith' });
    expect(await streamTail({ ctx: zenith, database }, stream, place)).toMatchObject({ snapshot: undefined });
  });

  test('in a transaction it sees what that has appended', async () => {
    const stream = newStream();
    await database.tx(ctx, async (tx) => {
      await append(tx, stream, 'none', [{ type: 'order.changed', key: 'k', data: 1 }]);
      expect(await streamTail(tx, stream, place)).toMatchObject({
        version: 1,
        events: [{ version: 1, data: 1, bytes: 1 }],
      });
      expect(await readStream(tx, stream)).toHaveLength(1);
    });
  });
});
