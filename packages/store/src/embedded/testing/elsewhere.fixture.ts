// What the tests of starting Postgres share: a folder for each test, and a Postgres whose parent is another process.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach } from 'vitest';
import { connectAdmin } from '../admin-connection.ts';

const PARENT = fileURLToPath(new URL('./parent.ts', import.meta.url));
/** Whether tests may become another user. */
export const isRoot = process.getuid?.() === 0;
/** The test's own folder; gone after it. */
export let directory: string;
/** Processes that end with the test. */
export const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flpg-'));
  mkdirSync(join(directory, 's'), { mode: 0o700 });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Without fsync, but for the test of it: under load a sync takes seconds. */
export const options = () => ({
  dataDir: join(directory, 'data'),
  socketDir: join(directory, 's'),
  settings: { fsync: 'off' },
});
/** Where the cluster lies. */
export const cluster = (): string => join(directory, 'data', 'postgres');

/** Runs SQL as the superuser. */
export async function ask(
  server: { readonly adminUrl: string },
  text: string,
): Promise<readonly Record<string, unknown>[]> {
  await using admin = await connectAdmin(server.adminUrl);
  return await admin.run(text);
}

/** Starts Postgres from another process, as `run` says, and answers when it is ready. */
export function startElsewhere(
  run: readonly string[] = [],
  more: readonly string[] = [],
): Promise<{ child: ChildProcess; pid: number; adminUrl: string }> {
  const command = [
    ...run,
    process.execPath,
    '--conditions=@fairlead/source',
    PARENT,
    options().dataDir,
    options().socketDir,
    ...more,
  ];
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: directory },
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.endsWith('\n')) return;
      // What parent.ts prints.
      resolve({ child, ...(JSON.parse(output) as { pid: number; adminUrl: string }) });
    });
    child.on('close', (code) => reject(new Error(`the parent ended with ${code}: ${errors}`)));
  });
}

/** Resolves when the process has ended. */
export const ended = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.once('exit', resolve));

/** Whether a process runs; a zombie does not. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '');
  } catch {
    return false;
  }
}
