import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));

async function demo(args: readonly string[], temporary: string) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, TMPDIR: temporary } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'demo-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('the demo shows every scene as it says, and leaves no process and no file', async () => {
  await using temporary = await temporaryFolder();
  const { code, out, err } = await demo([], temporary.path);
  expect(err).toBe('');
  const claims = [
    /9 processes ready/,
    /1\. A token[^]*GET \/catalog: 401 without it, 200 with it/,
    /2\. An order[^]*POST \/orders: 201, order …\w{8}, 64\.00 EUR, pending/,
    /: placed\n[^]*: reserved\n[^]*: paid\n[^]*: confirmed\n/,
    /3\. Its way[^]*\d+ spans in 6 services[^]*─ payments billing\.charge\n[^]*─ notifications process orders order\.confirmed\n/,
    /4\. Billing fails[^]*still pending; billing has failed \(.+\) and booked nothing[^]*billing held back, breaker open [^]*: confirmed/,
    /5\. payments is killed[^]*kill -9 \d+ \(payments\); billing has booked nothing yet/,
    /billing books what it was asked before the kill; the order is pending\n/,
    /confirmed; payments runs again as \d+[^]*ledger for it: 1 charge of 42\.00 EUR/,
    /All of it was so, in [\d.]+ s\. Nothing is left of it\.\n$/,
  ];
  for (const claim of claims) expect(out).toMatch(claim);
  expect(code).toBe(0);
  expect(out.match(/1 charge of/g)).toHaveLength(3);
  expect(out).not.toContain('\u001b');
  expect(isAlive(Number(/runs again as (\d+)/.exec(out)![1]))).toBe(false);
  expect((await readdir(temporary.path)).filter((name) => name.startsWith('fairlead'))).toEqual([]);
});

test('with --json every line is an object, also the one that says that no shop runs there', async () => {
  await using temporary = await temporaryFolder();
  const { code, out } = await demo(['--json', '--data-dir', temporary.path], temporary.path);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; ok?: boolean; text?: string });
  expect(lines.at(-1)).toMatchObject({ event: 'end', ok: false, text: expect.stringContaining('No shop runs on') });
  expect(code).toBe(1);
});
