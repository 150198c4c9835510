// Starts the shop twice with one data folder, the first time fresh, and ends it each time as Ctrl-C does.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { printMeasurement } from './measurement.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
try {
  const fresh = await startAndStop();
  const warm = await startAndStop();
  printMeasurement({ fresh: fresh.startS, warm: warm.startS, stop: warm.stopS });
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

async function startAndStop(): Promise<{ startS: number; stopS: number }> {
  const ports = ['--gateway-port', String(await freePort()), '--admin-port', String(await freePort())];
  const startedAt = performance.now();
  // A group of its own, so that the interrupt reaches all of it, as the terminal's would.
  const child = spawn('npm', ['start', '--silent', '--', '--json', '--data-dir', dataDir, ...ports], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  try {
    let ready = false;
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('{') || !line.includes('"ready"')) continue;
      ready = isReady(line);
      if (ready) break;
    }
    if (!ready) throw new Error('npm start ended before it was ready');
    const startS = (performance.now() - startedAt) / 1000;
    const stoppedAt = performance.now();
    interrupt(child.pid);
    child.stdout.resume();
    await ended;
    return { startS, stopS: (performance.now() - stoppedAt) / 1000 };
  } finally {
    if (child.exitCode === null && child.signalCode === null) interrupt(child.pid);
    await ended;
  }
}

function isReady(line: string): boolean {
  // One line of `fairlead up --json`, documented in the README.
  return (JSON.parse(line) as { event?: string }).event === 'ready';
}

function interrupt(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGINT');
  } catch {
    // It has ended meanwhile.
  }
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer();
  server.listen(0, '127.0.0.1', () => {
    // A listening TCP server's address is never a string or null.
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}
