import { expect, test } from 'vitest';
import { attackedGateway, passing, quiet, type AttackedGateway } from './attacked-gateway.fixture.ts';
import { RawHttp2, type RawField } from './raw-http2.fixture.ts';

const pseudo = (path: string, method = 'GET'): RawField[] => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'shop.test'],
];

/** More of them than any client has reason to send. */
const MANY = 60_000;

/** Frames until the connection is ended. */
async function flooded(client: RawHttp2, send: (at: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < MANY && !client.isGone; at += 1) {
    await send(at);
    if (at % 500 === 0) await quiet();
  }
  await client.gone();
  client.destroy();
}

async function expectHonestServed(gateway: AttackedGateway): Promise<void> {
  const honest = new RawHttp2(gateway.port);
  expect(await honest.end(honest.begin(pseudo('/honest')))).toBe('ok');
  honest.destroy();
}

type Flood = (client: RawHttp2, at: number) => Promise<void>;

/** Frames that are cheap to send and do nothing. */
test.each<readonly [title: string, flood: Flood]>([
  ['priorities', (client, at) => client.frame('priority', 1 + 2 * (at % 100), Buffer.from([0, 0, 0, 0, 1]))],
  ['frames that nobody knows', (client) => client.frame('unknown', 0, Buffer.alloc(100))],
  ['parts without an octet', (client, at) => (at === 0 ? begun(client) : client.frame('data', 1))],
  [
    'headers that go on without an octet',
    (client, at) => (at === 0 ? unended(client) : client.frame('continuation', 1)),
  ],
])('a flood of %s ends its connection, and holds up nobody', async (_title, flood) => {
  await using gateway = await attackedGateway();
  const client = new RawHttp2(gateway.port);
  await flooded(client, (at) => flood(client, at));
  await expectHonestServed(gateway);
  expect(gateway.arrived.map(({ start }) => start)).toEqual(['GET /honest']);
});

/** Frames that have to be answered, from who does not read the answers: they must not pile up. */
test.each<readonly [title: string, flood: Flood]>([
  ['pings', (client) => client.frame('ping', 0, Buffer.alloc(8))],
  ['settings', (client) => client.frame('settings', 0, Buffer.from([0, 3, 0, 0, 0, 100]))],
])('a flood of %s whose answers are not read ends its connection', async (_title, flood) => {
  await using gateway = await attackedGateway();
  const client = new RawHttp2(gateway.port);
  await quiet();
  client.stopReading();
  for (let at = 0; at < 20 * MANY && !client.isGone; at += 1) {
    await flood(client, at);
    if (at % 500 === 0) await quiet();
  }
  expect(client.isGone).toBe(true);
  await expectHonestServed(gateway);
});

/** Whoever can't reset streams themselves, as it is counted, has the server do it (CVE-2025-8671). */
test.each<readonly [title: string, flood: (client: RawHttp2, id: number) => Promise<void>]>([
  ['gives a stream a window of nothing more', (client, id) => client.frame('windowUpdate', id, Buffer.alloc(4))],
  ['gives it a window beyond all', (client, id) => client.frame('windowUpdate', id, Buffer.from([127, 255, 255, 255]))],
  ['has it wait for itself', (client, id) => client.frame('priority', id, Buffer.from([0, 0, 0, id, 1]))],
  ['says half a priority', (client, id) => client.frame('priority', id, Buffer.alloc(3))],
  ['sends more than it said', (client, id) => client.frame('data', id, Buffer.from('more'))],
])('who %s, again and again, gets nothing done and holds up nobody', async (_title, flood) => {
  await using gateway = await attackedGateway();
  const client = new RawHttp2(gateway.port);
  for (let count = 0; count < 120 && !client.isGone; count += 1) {
    const id = client.begin([...pseudo('/never', 'POST'), ['content-length', '3']], true);
    await flood(client, id);
    if (count % 10 === 0) await quiet();
  }
  client.destroy();
  await quiet();
  await expectHonestServed(gateway);
  expect(gateway.arrived.map(({ start }) => start)).toEqual(['GET /honest']);
});

test('answers that a client leaves no window for are given up in their time', async () => {
  await using gateway = await attackedGateway();
  const client = new RawHttp2(gateway.port);
  // The window that streams begin with.
  await client.frame('settings', 0, Buffer.from([0, 4, 0, 0, 0, 0]));
  const ids = Array.from({ length: 90 }, () => client.begin(pseudo('/stalled')));
  while (gateway.arrived.length < ids.length) await quiet();
  const cut = async (): Promise<void> => {
    while (!ids.every((id) => client.wasReset(id))) await quiet();
  };
  await passing(gateway.clock, cut());
  expect(client.isGone).toBe(false);
  client.destroy();
});

async function begun(client: RawHttp2): Promise<void> {
  client.begin(pseudo('/never', 'POST'), true);
}

async function unended(client: RawHttp2): Promise<void> {
  await client.frame('headers', 1);
}
