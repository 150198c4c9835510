import { expect, test } from 'vitest';
import { bothWays, get, running, upstream, type Wire } from './engine.fixture.ts';

bothWays(() => {
  const TAKES = ['Connection: te', 'TE: trailers'];

  /** An upstream that says this to each first request. */
  const saying = (answer: string) => upstream((wire: Wire) => wire.socket.once('data', () => wire.send(answer)));

  const chunked = (trailers: string, status = '200 OK') =>
    `HTTP/1.1 ${status}\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`;

  test('trailers of an answer reach who has said that it takes them', async () => {
    const origin = await saying(chunked('x-checksum: 7\r\n'));
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
    const wire = client().send(get('/', ...TAKES));
    expect(await wire.got('x-checksum')).toMatch(/2\r\nok\r\n0\r\nx-checksum: 7\r\n\r\n$/);
    expect((await origin.socket(0)).text).toContain('connection: te\r\nte: trailers\r\n');
  });

  test('who has not said so gets the answer without them', async () => {
    const origin = await saying(chunked('x-checksum: 7\r\n'));
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
    const wire = client().send(get('/'));
    expect(await wire.got('0\r\n\r\n')).toMatch(/2\r\nok\r\n0\r\n\r\n$/);
    expect((await origin.socket(0)).text).not.toContain('te:');
  });

  test('trailers follow an answer whose body has no bytes', async () => {
    const origin = await saying('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 0\r\n\r\n');
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
    expect(
      await client()
        .send(get('/', ...TAKES))
        .got('x-sum'),
    ).toMatch(/chunked\r\n\r\n0\r\nx-sum: 0\r\n\r\n$/);
  });

  test.each([
    ['cookies', 'set-cookie: a=1\r\n'],
    ['where to go', 'location: /else\r\n'],
    ['what the body is', 'content-type: text/html\r\n'],
    ['the proxy’s own names', 'x-fairlead-tenant: other\r\n'],
    ['what belongs to the connection', 'keep-alive: timeout=9\r\n'],
    ['who may read it', 'access-control-allow-origin: *\r\n'],
  ])('trailers can’t say %s', async (_what, line) => {
    const origin = await saying(chunked(`${line}x-after: 1\r\n`));
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
    expect(
      await client()
        .send(get('/', ...TAKES))
        .got('x-after'),
    ).not.toContain(line.split(':')[0]);
  });

  test('what a filter has set is not said again by trailers', async () => {
    const origin = await saying(chunked('x-plan: gold\r\nx-after: 1\r\n'));
    const filters = [{ type: 'headers', answer: { set: { 'x-plan': 'none' } } }];
    const { client } = await running({ filters, clusters: { orders: { endpoints: [origin.origin] } } });
    const text = await client()
      .send(get('/', ...TAKES))
      .got('x-after');
    expect(text).toContain('x-plan: none\r\n');
    expect(text).not.toContain('gold');
  });

  test('trailers of a request go on when its head announces them, without those that only a head may have', async () => {
    const origin = await saying('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
    client().send(
      'POST / HTTP/1.1\r\nHost: a\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\nauthorization: none\r\nx-fairlead-tenant: a\r\n\r\n',
    );
    const text = await (await origin.socket(0)).got('x-sum: 7');
    expect(text).toContain('trailer: x-sum\r\n');
    expect(text).toMatch(/0\r\nx-sum: 7\r\n\r\n$/);
  });

  test('trailers that nobody was told of stay here', async () => {
    const origin = await saying('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
    client().send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n');
    expect(await (await origin.socket(0)).got(/0\r\n(?:x-sum: 7\r\n)?\r\n$/)).not.toContain('x-sum');
  });

  test('trailers of an answer that was held back for its policy are not lost', async () => {
    const origin = await saying(chunked('x-checksum: 7\r\n', '500 Oh'));
    const policy = { timeout: {} };
    const { client } = await running({ clusters: { orders: { endpoints: [origin.origin], policy } } });
    const text = await client()
      .send(get('/', ...TAKES))
      .got('x-checksum');
    expect(text).toMatch(/^HTTP\/1\.1 500 [^]*0\r\nx-checksum: 7\r\n\r\n$/);
  });
});
