// Servers that outlive the command that started them: one folder each below `dir`, with state.json, log and data.
//
// server.ts              what a kind of server must tell; one file a kind beside it, listed in kinds.ts
// install.ts             Debian packages, without starting what they bring
// programs.ts            finding and running programs
// real-server.ts         one for the tests of a file
// conversation.ts        one question and its answer over TCP
// process-identity.ts    a process, told apart from a later one with its id

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import type { Command, ServerKind } from './server.ts';

const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;

/** Where servers live. */
export interface ServersOptions {
  /** The folder of state, logs and data. */
  readonly dir: string;
  /** The folder of downloads. */
  readonly cacheDir: string;
}

/** How a server is. */
export type ServerState =
  | {
      readonly name: string;
      readonly state: 'up';
      readonly url: string;
      readonly pid: number;
      readonly greeting: string;
    }
  | { readonly name: string; readonly state: 'down' }
  | { readonly name: string; readonly state: 'unavailable'; readonly reason: string };

interface Saved {
  readonly url: string;
  readonly processes: readonly ProcessIdentity[];
}

/**
 * Starts a server, or finds it running, and waits until it answers over its own protocol. Whatever can't be had comes
 * back as `unavailable`, with nothing of it left running.
 */
export async function startServer(kind: ServerKind, options: ServersOptions): Promise<ServerState> {
  const found = await serverState(kind, options);
  if (found.state === 'up') return found;
  await stopServer(kind, options);
  const dataDir = join(options.dir, kind.name);
  mkdirSync(dataDir, { recursive: true });
  mkdirSync(options.cacheDir, { recursive: true });
  const processes: ProcessIdentity[] = [];
  try {
    const launch = await kind.prepare({ dataDir, cacheDir: options.cacheDir, freePort });
    for (const command of launch.commands) {
      processes.push(launchProcess(command, dataDir));
      save(dataDir, { url: launch.url, processes });
    }
    const greeting = await greetWhenReady(kind, launch.url, processes);
    return { name: kind.name, state: 'up', url: launch.url, pid: processes.at(-1)?.pid ?? 0, greeting };
  } catch (error) {
    await endAll(processes);
    rmSync(join(dataDir, 'state.json'), { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    return { name: kind.name, state: 'unavailable', reason: `${reason}${lastLines(dataDir)}` };
  }
}

/** How a server is now; `down` also when it runs and doesn't answer. */
export async function serverState(kind: ServerKind, options: ServersOptions): Promise<ServerState> {
  const saved = load(join(options.dir, kind.name));
  const main = saved?.processes.at(-1);
  if (saved === undefined || main === undefined || !isAlive(main)) return { name: kind.name, state: 'down' };
  try {
    const greeting = await kind.greet(saved.url, 2_000);
    return { name: kind.name, state: 'up', url: saved.url, pid: main.pid, greeting };
  } catch {
    return { name: kind.name, state: 'down' };
  }
}

/** Ends a server's processes, politely for a while, and removes its data. Does nothing when there is none. */
export async function stopServer(kind: ServerKind, options: ServersOptions): Promise<void> {
  const dataDir = join(options.dir, kind.name);
  await endAll(load(dataDir)?.processes ?? []);
  const elsewhere = join(dataDir, 'elsewhere');
  if (existsSync(elsewhere)) removeFolder(readFileSync(elsewhere, 'utf8'));
  removeFolder(dataDir);
}

/** What was killed may still be writing for a moment. */
function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function greetWhenReady(kind: ServerKind, url: string, processes: readonly ProcessIdentity[]): Promise<string> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await kind.greet(url, 5_000);
    } catch (error) {
      const main = processes.at(-1);
      if (main === undefined || !isAlive(main)) throw new Error('it ended while it started', { cause: error });
      if (performance.now() > deadline) throw new Error(`no answer in ${START_TIMEOUT_MS / 1000} s`, { cause: error });
      await sleep(100);
    }
  }
}

function launchProcess(command: Command, dataDir: string): ProcessIdentity {
  const log = openSync(join(dataDir, 'server.log'), 'a');
  const child = spawn(command.file, command.args, {
    cwd: command.user === undefined ? dataDir : '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...command.env },
    ...command.user,
  });
  closeSync(log);
  // A failure to start shows as a missing pid below; without a listener it would also end this process.
  child.on('error', () => {});
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error(`${command.file} did not start`);
  return identity;
}

async function endAll(processes: readonly ProcessIdentity[]): Promise<void> {
  for (const each of processes.toReversed()) {
    // The server first, so that it can end its own children; then whatever its group still holds.
    if (isAlive(each)) signal(each.pid, 'SIGTERM');
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    while (isAlive(each) && performance.now() < deadline) await sleep(50);
    signal(-each.pid, 'SIGKILL');
    while (isAlive(each)) await sleep(50);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => {
    // A listening TCP server's address is never a string or null.
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}

function save(dataDir: string, saved: Saved): void {
  const file = join(dataDir, 'state.json');
  writeFileSync(`${file}.new`, JSON.stringify(saved));
  renameSync(`${file}.new`, file);
}

function load(dataDir: string): Saved | undefined {
  try {
    // Written by `save` above.
    return JSON.parse(readFileSync(join(dataDir, 'state.json'), 'utf8')) as Saved;
  } catch {
    return undefined;
  }
}

function lastLines(dataDir: string): string {
  try {
    const lines = readFileSync(join(dataDir, 'server.log'), 'utf8').trim().split('\n').slice(-5);
    return lines.join('').trim() === '' ? '' : `; its log ends with:\n  ${lines.join('\n  ')}`;
  } catch {
    return '';
  }
}
