// What our gateway holds: memory with nothing to do and with ten thousand connections that have been answered once, of `fairlead gateway
// run` as it is installed; and requests that fail while its configuration is exchanged.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayBed } from '../load/gateway-bed.ts';
import { startGatewayCommand } from '../load/gateway-command.ts';
import { gatewayScene } from '../load/gateway-scenes.ts';
import { installFairlead } from '../load/installed-fairlead.ts';
import { startLoad } from '../load/requests.ts';
import { startServer } from '../load/server-process.ts';
import { printMeasurement } from './measurement.ts';

const IDLE_CONNECTIONS = 10_000;
/** At once, which the queue of a listener takes. */
const OPENED_TOGETHER = 100;
const SETTLE_MS = 2_000;
const RELOADS = 20;
const RELOAD_EVERY_MS = 150;
/** Connections and what a process has open besides. */
const FILES = IDLE_CONNECTIONS + 200;

const filesLimit = Number(/Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
if (filesLimit < FILES) throw new Error(`a process may have ${filesLimit} files open; this needs ulimit -n ${FILES}`);

printMeasurement({ ...(await memory()), ...(await reloads()) });

async function memory() {
  using fairlead = installFairlead();
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-held-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const scene = gatewayScene('plain', folder);
  await using origin = await startServer(scene.origin);
  const file = join(folder, 'gateway.json');
  writeFileSync(file, JSON.stringify(scene.snapshot('port' in origin.listening ? origin.listening.port : 0)));
  // What Node keeps of compiled modules is there from the second start on.
  await (await startGatewayCommand(fairlead.command, file))[Symbol.asyncDispose]();
  await using gateway = await startGatewayCommand(fairlead.command, file);
  await sleep(SETTLE_MS);
  const idle = rssMb(gateway.pid);
  const sockets: Socket[] = [];
  for (let opened = 0; opened < IDLE_CONNECTIONS; opened += OPENED_TOGETHER) {
    sockets.push(...(await Promise.all(Array.from({ length: OPENED_TOGETHER }, () => answered(gateway.port)))));
  }
  await sleep(SETTLE_MS);
  const closed = sockets.filter((socket) => socket.readyState !== 'open').length;
  if (closed > 0) throw new Error(`${closed} of ${IDLE_CONNECTIONS} idle connections were closed`);
  const held = rssMb(gateway.pid);
  for (const socket of sockets) socket.destroy();
  return { 'idle-rss-mb': idle, 'idle-10k-rss-mb': held };
}

async function answered(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host: '127.0.0.1', port });
  socket.once('error', reject);
  socket.once('data', () => resolve(socket));
  socket.write('GET /orders/1 HTTP/1.1\r\nhost: localhost\r\n\r\n');
  return promise;
}

/** Each configuration has a route that the one before did not have, so that the last is seen at work. */
async function reloads() {
  await using bed = await gatewayBed('fairlead', 'plain');
  const target = { port: bed.proxy.port };
  using load = startLoad({ to: target, ...bed.scene.load });
  await sleep(SETTLE_MS);
  for (let index = 1; index <= RELOADS; index += 1) {
    bed.reload({
      listeners: [{ name: 'web', address: '127.0.0.1:0' }],
      routes: [
        { name: 'orders', match: { path: '/orders' }, to: 'orders' },
        { name: `late-${index}`, match: { path: `/late-${index}` }, to: 'orders' },
      ],
      clusters: { orders: { endpoints: [`http://127.0.0.1:${bed.originPort}`] } },
    });
    await sleep(RELOAD_EVERY_MS);
  }
  await sleep(SETTLE_MS);
  if (load.answers === 0) throw new Error('nothing was answered while configurations were exchanged');
  using last = startLoad({ ...bed.scene.load, to: target, connections: 1, path: `/late-${RELOADS}` });
  await Promise.race([sleep(RELOAD_EVERY_MS), last.failed]);
  return { 'reload-failed-requests': load.failures };
}

/** Memory that a process has, in MB of a million bytes. */
function rssMb(pid: number): number {
  const kib = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return (kib * 1_024) / 1e6;
}
