// Starts the shop twice with one data folder, the first time fresh, and ends it each time as Ctrl-C does; so with a
// process for each service and with all of them in one.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { printMeasurement } from './measurement.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const up: readonly string[] = ['npm', 'start', '--silent', '--', '--json'];
const single: readonly string[] = [
  process.execPath,
  '--conditions=@fairlead/source',
  join(root, 'bench/servers/single.ts'),
];

const processes = await freshAndWarm(up);
const oneProcess = await freshAndWarm(single);
printMeasurement({
  'up-fresh-seconds': processes.fresh.startS,
  'up-warm-seconds': processes.warm.startS,
  'up-stop-seconds': processes.warm.stopS,
  'single-warm-seconds': oneProcess.warm.startS,
  'single-stop-seconds': oneProcess.warm.stopS,
});

interface Run {
  readonly startS: number;
  readonly stopS: number;
}

async function freshAndWarm(command: readonly string[]): Promise<{ readonly fresh: Run; readonly warm: Run }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  try {
    return { fresh: await startAndStop(command, dataDir), warm: await startAndStop(command, dataDir) };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function startAndStop(command: readonly string[], dataDir: string): Promise<Run> {
  const ports = ['--gateway-port', String(await freePort()), '--admin-port', String(await freePort())];
  const [program = '', ...args] = [...command, '--data-dir', dataDir, ...ports];
  const startedAt = performance.now();
  // A group of its own, so that the interrupt reaches all of it, as the terminal's would.
  const child = spawn(program, args, {
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
    if (!ready) throw new Error(`${command.join(' ')} ended before it was ready`);
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
