import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT_CODES } from './exit-codes.ts';
import { COMMANDS, runCli } from './run-cli.ts';
import { testTerminal } from './test-terminal.ts';

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'cli-test-'));
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(...args: string[]) {
  const terminal = testTerminal({ cwd });
  const code = await runCli(terminal, args);
  return { code, out: terminal.stdout(), err: terminal.stderr() };
}

test('an unknown command is answered with the nearest one', async () => {
  expect(await run('stats')).toEqual({
    code: 2,
    out: '',
    err: 'fairlead: unknown command "stats". Did you mean "status"?\n',
  });
  expect((await run('frobnicate')).err).toContain('fairlead --help lists them');
});

test('an unknown flag is answered with the nearest one', async () => {
  const { code, err } = await run('up', '--gateway-prt', '1');
  expect(code).toBe(2);
  expect(err).toContain('unknown flag --gateway-prt. Did you mean --gateway-port?');
});

test('a flag without its value, with one too many, or out of range names itself', async () => {
  expect((await run('up', '--gateway-port')).err).toContain('--gateway-port needs a value');
  expect((await run('up', '--json=yes')).err).toContain('--json takes no value');
  expect((await run('up', '--admin-port', '70000')).err).toContain(
    '--admin-port takes a whole number from 0 to 65535, not "70000"',
  );
  expect((await run('up', '--platform', 'a', '--platform', 'b')).err).toContain('--platform is given more than once');
  expect((await run('token', '--tenant', 'acme')).err).toContain('--subject is missing');
  expect((await run('token', '--tenant', 'a', '--subject', 'b', '--ttl', '1y')).err).toContain(
    '--ttl takes a duration',
  );
  expect((await run('down', 'now')).err).toContain('"now" is one word too many');
});

test('every command explains itself with examples, and nothing happens', async () => {
  const overview = await run('--help');
  for (const named of COMMANDS) {
    const { name, commands } = await named.load();
    expect(name).toBe(named.name);
    for (const inner of commands) expect((await inner.load()).name).toBe(inner.name);
    expect(overview.out).toContain(`  ${name} `);
    const group = await run(name, '--help');
    expect(group.out).toContain(`Usage: fairlead ${name}`);
    const paths = commands.length === 0 ? [[name]] : commands.map((command) => [name, command.name]);
    for (const path of paths) {
      const { code, out } = await run(...path, '--help');
      expect(code).toBe(0);
      expect(out).toContain(`Usage: fairlead ${path.join(' ')}`);
      expect(out).toMatch(/Examples:\n {2}\S/);
    }
  }
  expect((await run()).code).toBe(2);
});

test('the overview tells every exit code', async () => {
  const { out } = await run('--help');
  for (const code of Object.values(EXIT_CODES)) expect(out).toMatch(new RegExp(`^ {2}${code} +\\S`, 'm'));
});

test('a command of a group is found by its second word, or the nearest one is named', async () => {
  expect(await run('dlq')).toMatchObject({ code: 2, err: expect.stringContaining('list, show, redrive, discard') });
  expect((await run('dlq', 'lst')).err).toContain('unknown command "lst". Did you mean "list"?');
  expect((await run('dlq', 'show', 'orders')).err).toContain('fairlead dlq show: <id> is missing');
  expect((await run('dlq', 'list', '--jsn')).err).toContain('Did you mean --json?');
});

test('every command that shows something has --json, and with it a failure is a problem document', async () => {
  const silent = new Set(['completion']);
  const loaded = await Promise.all(COMMANDS.map((each) => each.load()));
  const all = await Promise.all(
    loaded.flatMap((each) => (each.commands.length === 0 ? [each] : each.commands)).map((each) => each.load()),
  );
  for (const { name, flags } of all.filter((each) => !silent.has(each.name)))
    expect([name, flags.map((flag) => flag.name)]).toEqual([name, expect.arrayContaining(['json'])]);
  const { code, out, err } = await run('dlq', 'list', '--json');
  expect([code, out]).toEqual([1, '']);
  expect(JSON.parse(err)).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
});

test('what is wrong with the input of a call is told before anything is looked for', async () => {
  expect(await run('call', 'orders.get', '{')).toMatchObject({ code: 2, err: expect.stringContaining('is not JSON') });
  expect(await run('call', 'orders.get', '1')).toMatchObject({ code: 2, err: expect.stringContaining('JSON object') });
  expect((await run('call', 'orders.get', '{}', '--timeout', '1h')).err).toContain('--timeout is at most 10m');
  expect(await run('call', 'orders.get')).toMatchObject({ code: 1, err: expect.stringContaining('No platform runs') });
  expect((await run('dlq', 'redrive', 'orders', '1', '--all')).err).toContain('give an id or --all, not both');
  expect((await run('jobs', 'redrive', 'orders')).err).toContain('name an id, or give --all');
  expect((await run('jobs', 'discard', 'orders', '1', '--queue', 'q')).err).toContain('an id or a filter, not both');
  expect((await run('jobs', 'dead', '--older-than', 'soon')).err).toContain('takes a duration such as 90s');
  expect((await run('jobs', 'list', '--after', 'x')).err).toContain('--after needs a service');
});

test('where nothing runs, commands say so and fail', async () => {
  expect(await run('status')).toMatchObject({ code: 1, out: expect.stringContaining('Nothing runs here') });
  const json = await run('status', '--json');
  expect([json.code, JSON.parse(json.out)]).toEqual([1, { running: false, services: [] }]);
  expect(await run('trace', 'x')).toMatchObject({ code: 1, err: expect.stringContaining('No platform runs on') });
  expect(await run('token', '--tenant', 'a', '--subject', 'b')).toMatchObject({ code: 1, out: '' });
  expect(await run('down')).toEqual({ code: 0, out: 'Nothing ran here.\n', err: '' });
});

test('a blueprint that is not there, or wrong, is told without a stack', async () => {
  const missing = await run('check', '--platform', 'nowhere.ts');
  expect(missing).toMatchObject({ code: 1, out: '', err: expect.stringContaining('nowhere.ts') });
  expect(missing.err).not.toMatch(/\n {4}at /);
});

test('logs are merged in order of time, the last lines only, and a wrong name is answered with the nearest', async () => {
  const logs = join(cwd, '.fairlead', 'logs');
  await mkdir(logs, { recursive: true });
  const line = (second: number, msg: string) =>
    `${JSON.stringify({ time: `2026-01-01T00:00:0${second}.000Z`, level: 'info', msg })}\n`;
  await writeFile(join(logs, 'orders.log'), line(1, 'one') + line(3, 'three'));
  await writeFile(join(logs, 'payments.log'), line(2, 'two'));
  expect((await run('logs')).out).toBe(
    '00:00:01.000 orders one\n00:00:02.000 payments two\n00:00:03.000 orders three\n',
  );
  expect((await run('logs', '--lines', '1')).out).toBe('00:00:03.000 orders three\n');
  expect((await run('logs', 'order')).err).toContain('Did you mean "orders"?');
});

test('colours are used on a terminal only', async () => {
  const logs = join(cwd, '.fairlead', 'logs');
  await mkdir(logs, { recursive: true });
  await writeFile(join(logs, 'orders.log'), `${JSON.stringify({ time: 0, level: 'error', msg: 'broken' })}\n`);
  const terminal = testTerminal({ cwd, colours: true });
  await runCli(terminal, ['logs']);
  expect(terminal.stdout()).toContain('\u001b[31merror');
  expect((await run('logs')).out).not.toContain('\u001b');
  expect(JSON.parse((await run('logs', '--json')).out)).toMatchObject({
    name: 'orders',
    level: 'error',
    text: 'broken',
  });
});
