import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lineSplitter } from './line-splitter.ts';
import { openLogFile } from './log-file.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-test-'));
});
afterEach(() => rm(dir, { recursive: true }));

test('a log that would grow beyond its bound moves aside, and only one old one is kept', async () => {
  const path = join(dir, 'orders.log');
  const log = openLogFile(path, { maxBytes: 10 });
  for (const line of ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']) log.write(line);
  log.close();
  expect(await readFile(path, 'utf8')).toBe('eeee\n');
  expect(await readFile(`${path}.1`, 'utf8')).toBe('cccc\ndddd\n');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a log that may not grow to its bound moves aside at what the system allows, between two lines', async () => {
  const path = join(dir, 'orders.log');
  const module = join(import.meta.dirname, 'log-file.ts');
  const program = `const { openLogFile } = await import(${JSON.stringify(module)});
    const log = openLogFile(${JSON.stringify(path)});
    for (let n = 100; n < 1_000; n += 1) log.write('line ' + n);
    log.write('x'.repeat(9_000));
    log.write('the last');`;
  // Blocks of 512 or 1024 bytes, as the shell has it.
  const ended = spawnSync('sh', ['-c', 'ulimit -f 4; exec "$@"', 'sh', process.execPath, '-e', program]);
  expect([ended.status, ended.stderr.toString()]).toEqual([0, '']);
  const lines = (await Promise.all([readFile(`${path}.1`, 'utf8'), readFile(path, 'utf8')])).join('').split('\n');
  expect(lines.slice(-3)).toEqual(['line 999', 'the last', '']);
  expect(lines.slice(0, -2).every((line) => /^line \d{3}$/.test(line))).toBe(true);
});

test('the last lines are kept until another run begins', () => {
  const log = openLogFile(join(dir, 'x.log'), { keepLines: 2 });
  for (const line of ['1', '2', '3']) log.write(line);
  expect(log.lastLines()).toEqual(['2', '3']);
  log.clearLines();
  expect(log.lastLines()).toEqual([]);
  log.close();
});

test('bytes become lines wherever they are cut, and an endless line is cut', () => {
  const lines: string[] = [];
  const splitter = lineSplitter((line) => lines.push(line), 4);
  const bytes = Buffer.from('é1\r\né2\nabcdefghij');
  for (const byte of bytes) splitter.push(Uint8Array.of(byte));
  splitter.end();
  expect(lines).toEqual(['é1', 'é2', 'abcd', 'efgh', 'ij']);
});
