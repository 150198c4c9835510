import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const launcher = join(root, 'packages', 'cli', 'bin', 'fairlead.js');

interface Told {
  readonly event: string;
  readonly name?: string;
  readonly state?: string;
  readonly pid?: number;
  readonly text?: string;
  readonly gateway?: string;
  readonly lastLines?: readonly string[];
}

let parent = '';
let home = '';
let up: ChildProcess;
const told: Told[] = [];
const waiting: (() => void)[] = [];

async function fairlead(cwd: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [launcher, ...args], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  expect((await once(child, 'close'))[0]).toBe(0);
  return out;
}

/** The first event from `from` on that fits; the test's own limit ends the wait. */
async function seen(from: number, fits: (event: Told) => boolean): Promise<Told> {
  for (;;) {
    const found = told.slice(from).find(fits);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}
const readyAfter = (from: number, name: string) =>
  seen(from, (event) => event.event === 'state' && event.name === name && event.state === 'ready');

async function pids(): Promise<Record<string, number | undefined>> {
  const { services } = JSON.parse(await fairlead(home, 'status', '--json')) as { services: Told[] };
  return Object.fromEntries(services.map(({ name, pid }) => [name, pid]));
}

/** Saves a changed file; answers how many events had been told before. */
async function change(path: string, edit: (text: string) => string): Promise<number> {
  const before = told.length;
  const file = join(home, path);
  await writeFile(file, edit(await readFile(file, 'utf8')));
  return before;
}

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'watch-test-'));
  home = join(parent, 'harbour');
  await fairlead(parent, 'init', 'harbour');
  await mkdir(join(home, 'node_modules'));
  for (const name of ['@fairlead', 'zod'])
    await symlink(join(root, 'node_modules', name), join(home, 'node_modules', name));
  await fairlead(home, 'add', 'service', 'berths');
  up = spawn(process.execPath, [launcher, 'up', '--watch', '--json', '--gateway-port', '0', '--admin-port', '0'], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (up.stdout === null) throw new Error('no output');
  createInterface({ input: up.stdout }).on('line', (line) => {
    told.push(JSON.parse(line) as Told);
    for (const wake of waiting.splice(0)) wake();
  });
  await seen(0, ({ event }) => event === 'ready');
});
afterAll(async () => {
  up.kill('SIGTERM');
  if (up.exitCode === null && up.signalCode === null) await once(up, 'exit');
  await rm(parent, { recursive: true, force: true });
});

test('a change in one service starts that one again, and nobody else', async () => {
  const before = await pids();
  const from = await change('berths/service.ts', (text) => `${text}\n// changed\n`);
  await readyAfter(from, 'berths');
  const after = await pids();
  expect(after['berths']).not.toBe(before['berths']);
  expect({ ...after, berths: 0 }).toEqual({ ...before, berths: 0 });
  expect(await seen(from, ({ event }) => event === 'note')).toMatchObject({
    text: 'berths/service.ts changed: starting berths again',
  });
});

test('a file that can not be parsed is told and heals at the next save', async () => {
  const broken = await change('notes/service.ts', (text) => `${text}\n}}}\n`);
  const exit = await seen(broken, ({ event, name }) => event === 'exit' && name === 'notes');
  expect(exit.lastLines?.join('\n')).toMatch(/notes|Syntax|Expression/);
  const healed = await change('notes/service.ts', (text) => text.replace('\n}}}\n', ''));
  await readyAfter(healed, 'notes');
});

test('a new migration runs before the service is started again', async () => {
  const from = told.length;
  await writeFile(join(home, 'notes/migrations/0002_colour.sql'), 'alter table entry add column colour text;\n');
  await readyAfter(from, 'notes');
  const failing = told.length;
  await writeFile(join(home, 'notes/migrations/0003_wrong.sql'), 'alter table nowhere add column x text;\n');
  const note = await seen(failing, ({ event }) => event === 'note');
  expect(note.text).toMatch(/notes was not started again, its migrations failed.*0003_wrong/s);
});

test('a change of the blueprint is told', async () => {
  const from = await change('platform.ts', (text) => `${text}\n`);
  expect((await seen(from, ({ event }) => event === 'note')).text).toMatch(/platform\.ts changed\. Stop/);
});
