import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { db } from './commands/db.ts';
import { testTerminal } from './test-terminal.ts';

const platform = fileURLToPath(new URL('../../../examples/shop/platform.ts', import.meta.url));

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'db-test-'));
});
afterAll(() => rm(cwd, { recursive: true }));

/** The command line `fairlead db …` on the shop, in a folder of this file's own. */
async function run(...args: string[]) {
  const terminal = testTerminal({ cwd });
  const code = await db.run(terminal, [...args, '--platform', platform]).catch((error: Error) => error.message);
  return { code, out: terminal.stdout() };
}

test('databases are created, migrated once, backed up and restored while no platform runs', async () => {
  expect(await run('create')).toMatchObject({
    code: 0,
    out: expect.stringContaining('notifications, orders, payments'),
  });

  const first = await run('migrate');
  expect(first.out).toMatch(/^orders +applied +fairlead\/0001_log\.sql$/m);
  expect(first.out).toMatch(/^orders +applied +orders\/0001_orders\.sql$/m);
  expect(first.out).toMatch(/^broker +applied +broker\/0001_broker\.sql$/m);
  const again = JSON.parse((await run('migrate', 'orders', '--json')).out);
  expect(again).toEqual({ databases: [{ name: 'orders', applied: [], ahead: [] }] });

  const backedUp = await run('backup', 'inventory');
  const [file = ''] = (await readdir(cwd)).filter((name) => name.startsWith('inventory-'));
  expect(file).toMatch(/^inventory-\d{8}T\d{6}Z\.backup$/);
  expect(backedUp).toMatchObject({ code: 0, out: expect.stringContaining(file) });
  expect((await stat(join(cwd, file))).mode & 0o777).toBe(0o600);
  expect(JSON.parse((await readFile(join(cwd, file), 'utf8')).split('\n')[0] ?? '')).toMatchObject({
    service: 'inventory',
    format: 1,
  });

  expect(JSON.parse((await run('restore', 'inventory', file, '--json')).out)).toMatchObject({
    service: 'inventory',
    kept: 'inventory_old',
    forgotten: 0,
  });
  expect(await run('restore', 'orders', file)).toMatchObject({
    code: expect.stringContaining('is of "inventory", not of "orders"'),
  });
  expect(await run('restore', 'orders', 'no.backup')).toMatchObject({ code: expect.stringContaining("can't be read") });
  expect(await run('backup', 'storage')).toMatchObject({
    code: expect.stringContaining('shop has no database "storage". It has '),
  });
  // Nothing is left running, and the folder is free for a platform.
  expect(await readdir(join(cwd, '.fairlead'))).not.toContain('lock');
});

test('the four commands explain themselves', async () => {
  expect(db.commands.map((command) => command.name)).toEqual(['create', 'migrate', 'backup', 'restore']);
  for (const named of db.commands) expect(await (await named.load()).help('db')).toMatch(/Examples:\n {2}\S/);
});
