import { setTimeout as sleep } from 'node:timers/promises';
import { realClock } from '@fairlead/core';
import { serve, type NetServer, type ServerRequest } from '@fairlead/net';

const UNKNOWN_LENGTH = -2;
/** Length of what the gateway may keep. */
export const KEPT_BYTES = 8 * 1024;
const PART = Buffer.alloc(16 * 1024, 'x');
/** What the gateway may compress, to a fifth or so. */
export const TEXT = Array.from({ length: 4_000 }, (_, at) => `line ${(at * 7_919) % 9_973}`).join('\n');
const KEPT = Buffer.alloc(KEPT_BYTES, 'x');
const MOST_BODY_BYTES = 16 * 1024 * 1024;
const SWITCH_LINES = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: soak\r\n';

/** What stands behind the gateway of a soak: it echoes, streams, speaks WebSocket, and does whatever upstreams do. */
export function startOrigin(): Promise<NetServer> {
  return serve({
    listen: { host: '127.0.0.1', port: 0 },
    clock: realClock(),
    limits: { maxConnections: 0 },
    onRequest: (request) => void answer(request).catch(() => request.cut()),
    refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
  });
}

async function answer(request: ServerRequest): Promise<void> {
  const { target } = request.head;
  if (target.startsWith('/echo')) return request.answer(200, {}, await request.body(MOST_BODY_BYTES));
  if (target.startsWith('/large')) return stream(request, 64 * PART.length);
  if (target.startsWith('/chunks')) return stream(request, UNKNOWN_LENGTH);
  if (target.startsWith('/kept')) return request.answer(200, { 'cache-control': 'max-age=2' }, KEPT);
  if (target.startsWith('/part'))
    return request.answer(200, { 'content-type': 'application/json' }, JSON.stringify({ target }));
  // Without a word of who may keep it: what the gateway keeps, it keeps for a tenant.
  if (target.startsWith('/own')) return request.answer(200, {}, request.head.fields.get('x-tenant') ?? 'nobody');
  if (target.startsWith('/text')) return request.answer(200, { 'content-type': 'text/html' }, TEXT);
  if (target.startsWith('/socket')) return talk(request);
  if (target.startsWith('/bad/slow')) return slow(request);
  if (target.startsWith('/bad/half')) {
    request.beginAnswer(200, '', 1_000_000);
    request.part(PART);
    return request.cut();
  }
  if (target.startsWith('/bad')) return request.cut();
  return request.answer(200, { 'content-type': 'text/plain' }, 'ok');
}

async function stream(request: ServerRequest, bodyBytes: number): Promise<void> {
  let left = 64;
  const ready = { gone: false, tell: () => {} };
  request.owner = { clientGone: () => ((ready.gone = true), ready.tell()), clientReady: () => ready.tell() };
  request.beginAnswer(200, '', bodyBytes);
  while (left > 0 && !ready.gone) {
    left -= 1;
    if (!request.part(PART)) await new Promise<void>((resolve) => (ready.tell = resolve));
  }
  if (!ready.gone) request.endAnswer();
}

async function slow(request: ServerRequest): Promise<void> {
  request.beginAnswer(200, '', UNKNOWN_LENGTH);
  for (let count = 0; count < 20 && !request.isGone; count += 1) {
    request.part(Buffer.from('.'));
    await sleep(50);
  }
  if (!request.isGone) request.endAnswer();
}

function talk(request: ServerRequest): void {
  const { socket, first } = request.takeOver(101, SWITCH_LINES);
  if (first.length > 0) socket.write(first);
  // Whatever ends it is told by `close`.
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => socket.write(bytes));
  socket.on('end', () => socket.end());
  socket.resume();
}
