import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { answering, get as asked, linesOf, OK, running, upstream } from '../engine/engine.fixture.ts';
import { attackedGateway, get, LAST, passing, quiet, statusesOf } from './attacked-gateway.fixture.ts';

const HEAD_MS = 10_000;

test('a head that comes octet by octet has ten seconds, however often an octet comes', async () => {
  await using gateway = await attackedGateway();
  const slow = Array.from({ length: 50 }, () => gateway.attack('G'));
  await quiet();
  for (let passedMs = 0; passedMs < HEAD_MS - 1_000; passedMs += 1_000) {
    await gateway.clock.advance(1_000);
    for (const client of slow) client.send('E');
    await quiet();
  }
  // Others are served meanwhile.
  expect(statusesOf(await gateway.attack(LAST).closed)).toEqual([200]);
  const ended = await passing(gateway.clock, Promise.all(slow.map((client) => client.closed)));
  expect(new Set(ended.flatMap(statusesOf))).toEqual(new Set([408]));
  for (const text of ended) expect(text).toContain('"code":"REQUEST_TIMEOUT"');
  expect(gateway.arrived.map(({ start }) => start)).toEqual(['GET /last']);
});

test('a connection that says nothing, or nothing more, is closed', async () => {
  await using gateway = await attackedGateway();
  const silent = gateway.attack('');
  // As HTTP/2 and HTTP/1.1 begin: which of them it will be can't be told.
  const undecided = gateway.attack('PR');
  const kept = gateway.attack(get('/first'));
  await kept.got('ok');
  expect(await passing(gateway.clock, silent.closed)).toBe('');
  expect(await passing(gateway.clock, undecided.closed)).toBe('');
  expect(statusesOf(await passing(gateway.clock, kept.closed))).toEqual([200]);
});

test.each([
  ['with a length', 'Content-Length: 1000\r\n\r\n', 'a'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', '1\r\na\r\n'],
  ['in a chunk that does not end', 'Transfer-Encoding: chunked\r\n\r\n', '1'],
])('a body %s that stops is cut at both sides when its time is over', async (_title, framing, part) => {
  await using gateway = await attackedGateway((written) => ({
    ...written,
    routes: [{ name: 'all', to: 'origin', timeout: '10m' }],
  }));
  const client = gateway.attack(`POST /first HTTP/1.1\r\nHost: a\r\n${framing}${part}`);
  while (!gateway.bytes.includes('/first')) await quiet();
  expect(await passing(gateway.clock, client.closed)).toMatch(/^HTTP\/1\.1 408 [^]*"code":"BODY_TIMEOUT"/);
  expect(gateway.arrived).toEqual([]);
});

test('a body that comes in drops ends with its route’s time', async () => {
  await using gateway = await attackedGateway();
  const client = gateway.attack('POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
  while (!gateway.bytes.includes('/first')) await quiet();
  // The default of a route is ten seconds.
  for (let seconds = 0; seconds < 9; seconds += 1) {
    client.send('a');
    await quiet();
    await gateway.clock.advance(1_000);
  }
  expect(client.text).toBe('');
  expect(statusesOf(await passing(gateway.clock, client.closed))).toEqual([504]);
  expect(gateway.arrived).toEqual([]);
});

test('a client that does not read what it asked for holds up its own upstream, and is cut', async () => {
  const part = 'x'.repeat(64 * 1024);
  let sent = 0;
  const service = await upstream((wire) => {
    const pour = (): void => {
      while (!wire.socket.destroyed && sent < 512) {
        sent += 1;
        if (!wire.socket.write(part)) {
          wire.socket.once('drain', pour);
          return;
        }
      }
    };
    wire.socket.once('data', () => {
      wire.send(`HTTP/1.1 200 OK\r\ncontent-length: ${512 * part.length}\r\n\r\n`);
      pour();
    });
  });
  const { client, clock, engine, telemetry } = await running({
    clusters: { big: { endpoints: [service.origin] } },
    routes: [{ name: 'all', to: 'big', timeout: '10m' }],
  });
  const wire = client();
  wire.socket.pause();
  wire.send(asked('/'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  for (let before = -1; before !== sent;) {
    before = sent;
    for (let turns = 0; turns < 20; turns += 1) await quiet();
  }
  // What waits in between is bounded: buffers of the system, and a little of ours.
  expect(sent).toBeLessThan(512);
  await passing(clock, there.closed);
  expect(linesOf(telemetry)).toMatchObject([{ status: 499, code: 'CLIENT_STALLED' }]);
  await engine.close({ graceMs: 0 });
});

test('an upstream that answers octet by octet has the time of its route, and its client is told by the cut', async () => {
  const service = await upstream();
  const { client, clock, telemetry } = await running({ clusters: { slow: { endpoints: [service.origin] } } });
  const [head, body] = [client().send(asked('/head')), client().send(asked('/body'))];
  const wires = [await service.socket(0), await service.socket(1)];
  await Promise.all(wires.map((wire) => wire.got('\r\n\r\n')));
  const ofBody = wires.find(({ text }) => text.startsWith('GET /body'));
  ofBody?.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n');
  await body.got('content-length: 100');
  for (let seconds = 0; seconds < 9; seconds += 1) {
    ofBody?.send('x');
    wires.find((wire) => wire !== ofBody)?.send('H');
    await quiet();
    await clock.advance(1_000);
  }
  expect(await passing(clock, head.got('UPSTREAM'))).toMatch(/^HTTP\/1\.1 504 /);
  const text = await passing(clock, body.closed);
  expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toMatch(/^x{1,99}$/);
  expect(linesOf(telemetry)).toHaveLength(2);
});

test('what is compressed goes through as it is, however much it would become', async () => {
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
  const service = await upstream((wire) => {
    wire.socket.once('data', () => {
      wire.send(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      wire.socket.write(bomb);
    });
  });
  const { client } = await running({ clusters: { big: { endpoints: [service.origin] } } });
  const answer = await client().send(asked('/', 'Accept-Encoding: gzip', 'Connection: close')).closed;
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(bomb.toString('latin1'));
  await using gateway = await attackedGateway();
  const upload = `POST /first HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`;
  const sender = gateway.attack(upload + bomb.toString('latin1') + LAST);
  expect(statusesOf(await sender.closed)).toEqual([200, 200]);
  expect(gateway.arrived[0]?.body).toBe(bomb.toString('latin1'));
});

test('what is larger than its route takes is refused before it has been sent on', async () => {
  const service = await answering(OK);
  const { client, clock } = await running({
    clusters: { small: { endpoints: [service.origin] } },
    routes: [{ name: 'all', to: 'small', maxBody: '1KiB' }],
  });
  const announced = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n');
  expect(await passing(clock, announced.closed)).toMatch(/^HTTP\/1\.1 413 /);
  expect(service.sockets).toEqual([]);
  const chunks = client().send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let count = 0; count < 3; count += 1) chunks.send(`200\r\n${'a'.repeat(512)}\r\n`);
  expect(await passing(clock, chunks.closed)).toMatch(/^HTTP\/1\.1 413 /);
  expect((await service.socket(0)).text).not.toContain('\r\n0\r\n\r\n');
});
