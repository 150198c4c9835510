import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayAtTest, type GatewayAtTest } from './gateway-at-test.ts';
import { failed, passed, type Case } from './suite.ts';

/** How long a payload that waits for more is given, in milliseconds. */
const PATIENCE_MS = 400;
const LAST = 'GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** What came to the origin, as llhttp reads it. */
interface Origin extends AsyncDisposable {
  readonly port: number;
  /** Method and target of requests that were whole. */
  readonly whole: string[];
  /** Method and target of all that began. */
  readonly begun: string[];
  readonly unreadable: string[];
}

/**
 * Payloads, each file of `path` the bytes of a client, before a last request of the same connection. Each must either be
 * refused, or arrive as llhttp reads exactly the requests that the gateway says it has sent on.
 */
export async function smuggling(path: string): Promise<readonly Case[]> {
  const cases: Case[] = [];
  const names = readdirSync(path, { withFileTypes: true }).filter((each) => each.isFile());
  await using origin = await recordingOrigin();
  await using gateway = await gatewayAtTest({
    routes: [{ name: 'all', to: 'origin' }],
    clusters: { origin: { endpoints: [`http://127.0.0.1:${origin.port}`] } },
  });
  for (const { name } of names) {
    const why = await hiddenBy(readFileSync(join(path, name)), gateway, origin);
    cases.push(why === undefined ? passed(name) : failed(name, why));
  }
  return cases;
}

async function hiddenBy(
  bytes: Buffer,
  { port, telemetry }: GatewayAtTest,
  origin: Origin,
): Promise<string | undefined> {
  for (const list of [origin.whole, origin.begun, origin.unreadable]) list.length = 0;
  const before = telemetry.logs.length;
  const client = connect({ port, host: '127.0.0.1' });
  // What the gateway cuts is told by `close`.
  client.on('error', () => {});
  client.resume();
  const closed = once(client, 'close');
  client.write(bytes);
  client.write(LAST);
  await Promise.race([closed, sleep(PATIENCE_MS)]);
  client.destroy();
  await sleep(5);
  const logged = telemetry.logs
    .slice(before)
    .filter((line) => line.msg === 'request' && line['method'] !== undefined)
    .map((line) => ({ start: `${String(line['method'])} ${String(line['path'])}`, status: line['status'] }));
  const good = logged.filter(({ status }) => status === 200).map(({ start }) => start);
  const arrived = origin.whole.map(withoutQuery);
  if (origin.unreadable.length > 0) return `the origin could not read: ${origin.unreadable.join(', ')}`;
  if (arrived.toSorted().join('\n') !== good.toSorted().join('\n'))
    return `logged ${good.join(', ') || 'nothing'}, arrived ${arrived.join(', ') || 'nothing'}`;
  const known = new Set(logged.map(({ start }) => start));
  const unknown = origin.begun.map(withoutQuery).filter((start) => !known.has(start));
  return unknown.length === 0 ? undefined : `began at the origin without being logged: ${unknown.join(', ')}`;
}

const withoutQuery = (start: string): string => start.replace(/\?.*$/, '');

async function recordingOrigin(): Promise<Origin> {
  const lists = { whole: [] as string[], begun: [] as string[], unreadable: [] as string[] };
  const sockets = new Set<Socket>();
  const http = createHttpServer((incoming: IncomingMessage, response) => {
    const start = `${incoming.method} ${incoming.url}`;
    lists.begun.push(start);
    incoming.on('error', () => {}).resume();
    incoming.on('end', () => {
      lists.whole.push(start);
      response.end('ok');
    });
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A request that the gateway has cut off is none that could not be read.
    if (!['ECONNRESET', 'HPE_INVALID_EOF_STATE'].includes(error.code ?? '')) lists.unreadable.push(error.message);
    socket.destroy();
  });
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    // Which is how connections of others are given to it.
    http.emit('connection', socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...lists,
    // `as`: a TCP server's address is an object once it listens.
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
