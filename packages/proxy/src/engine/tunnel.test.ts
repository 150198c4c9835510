import { expect, test } from 'vitest';
import { bothWays, answering, get, linesOf, OK, running, upstream } from './engine.fixture.ts';

bothWays(() => {
  const OFFER = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ];
  const SWITCH =
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n';

  async function open() {
    const service = await upstream();
    const { client, engine, clock, telemetry } = await running({ clusters: { chat: { endpoints: [service.origin] } } });
    const wire = client().send(get('/chat', ...OFFER));
    const there = await service.socket(0);
    const asked = await there.got('\r\n\r\n');
    there.clear().send(`${SWITCH}hello`);
    await wire.got('hello');
    return { wire, there, asked, engine, clock, telemetry };
  }

  test('a WebSocket goes through both ways, with what came right after its handshake', async () => {
    const { wire, there, asked } = await open();
    expect(asked).toMatch(/^GET \/chat [^]*Sec-WebSocket-Key: [^]*connection: upgrade\r\nupgrade: websocket\r\n\r\n$/);
    expect(wire.text).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*sec-websocket-accept: x\r\n[^]*\r\n\r\nhello$/,
    );
    wire.send('\x81\x05one');
    await there.got('\x81\x05one');
    there.send('two');
    await wire.got('two');
  });

  test.each(['client', 'service'] as const)(
    'when the %s ends, so does the other side, and the line says 101',
    async (who) => {
      const { wire, there, telemetry } = await open();
      const [ends, other] = who === 'client' ? [wire, there] : [there, wire];
      ends.socket.end();
      await other.closed;
      await expect.poll(() => linesOf(telemetry)).toMatchObject([{ status: 101 }]);
    },
  );

  test('one that is silent for too long is ended', async () => {
    const { wire, there, clock } = await open();
    await clock.advance(299_000);
    wire.send('still here');
    await there.got('still here');
    await clock.advance(299_000);
    expect(wire.socket.readableEnded).toBe(false);
    await clock.advance(2_000);
    await Promise.all([wire.closed, there.closed]);
  });

  test('many bytes go through whole, however slow the reader', async () => {
    const { wire, there } = await open();
    const part = 'x'.repeat(1024 * 1024);
    wire.socket.pause();
    for (let count = 0; count < 8; count += 1) there.send(part);
    there.send('end');
    wire.socket.resume();
    const text = await wire.got(/end$/);
    expect(text.length - text.indexOf('hello') - 5).toBe(8 * part.length + 3);
  });

  test('the end of the engine ends it when the grace time is over', async () => {
    const { wire, engine, clock } = await open();
    const closed = engine.close({ graceMs: 3_000 });
    await clock.advance(2_999);
    expect(wire.socket.readableEnded).toBe(false);
    await clock.advance(1);
    await Promise.all([closed, wire.closed]);
  });

  test('a service that does not switch answers as to any request, and the connections live on', async () => {
    const service = await answering(OK);
    const { client } = await running({ clusters: { chat: { endpoints: [service.origin] } } });
    const wire = client().send(get('/chat', ...OFFER));
    await wire.got('ok');
    await wire.clear().send(get('/')).got('ok');
    expect(service.sockets).toHaveLength(1);
  });

  test('offers of other protocols are passed over', async () => {
    const service = await answering(OK);
    const { client } = await running({ clusters: { chat: { endpoints: [service.origin] } } });
    await client()
      .send(get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'))
      .got('ok');
    expect((await service.socket(0)).text).not.toMatch(/upgrade|http2-settings/i);
  });

  test('an offer in HTTP/1.0 is none', async () => {
    const service = await answering(OK);
    const { client } = await running({ clusters: { chat: { endpoints: [service.origin] } } });
    const answer = await client().send(get('/chat', ...OFFER).replace('HTTP/1.1', 'HTTP/1.0')).closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    expect((await service.socket(0)).text).not.toMatch(/^(?:upgrade|connection):/im);
  });

  test('a service that switches at an offer that is none has answered nothing', async () => {
    const service = await answering(SWITCH);
    const { client } = await running({ clusters: { chat: { endpoints: [service.origin] } } });
    const wire = client().send(get('/chat', ...OFFER).replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await wire.closed).toMatch(/^HTTP\/1\.1 502 /);
  });
});
