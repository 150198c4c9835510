// The provider as a process of its own: `node billing/main.ts`, with FAIRLEAD_LISTEN (default tcp:127.0.0.1:0) and
// FAIRLEAD_DATA_DIR (default the working directory), as any other program that speaks HTTP would be run.
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileLedger } from './ledger.ts';
import { provider } from './provider.ts';

const dataDir = process.env['FAIRLEAD_DATA_DIR'] ?? '.';
const [, host = '127.0.0.1', port = '0'] = (process.env['FAIRLEAD_LISTEN'] ?? 'tcp:127.0.0.1:0').split(':');

await mkdir(dataDir, { recursive: true });
await using ledger = await fileLedger(join(dataDir, 'ledger.jsonl'));
const handle = provider({ ledger, sleep: (delayMs) => sleep(delayMs) });

const server = createServer((request, response) => {
  serve(request, response).catch(() => request.socket.destroy());
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await handle({
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: single(request.headers),
    body: await text(request),
  });
  if (answer) response.writeHead(answer.status, answer.headers).end(answer.body);
  else request.socket.destroy();
}

server.listen(Number(port), host, () => {
  // listen() on a host and port gives an AddressInfo
  const address = server.address() as AddressInfo;
  const url = `http://${address.address}:${address.port}`;
  if (process.send) process.send({ type: 'ready', url });
  else console.log(`billing listens on ${url}`);
});

await new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve);
  process.once('disconnect', resolve);
  // Under a supervisor Ctrl-C is its to handle.
  process.on('SIGINT', () => void (process.send || resolve()));
});
server.close();
server.closeAllConnections();
process.disconnect?.();

function single(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

async function text(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // an IncomingMessage without an encoding gives Buffers
  return chunks.length === 0 ? undefined : Buffer.concat(chunks).toString('utf8');
}
