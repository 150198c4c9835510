import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPlatform } from '@fairlead/platform';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addServiceToBlueprint } from './blueprint-edit.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const launcher = join(root, 'packages', 'cli', 'bin', 'fairlead.js');
let parent = '';
let home = '';

async function run(cwd: string, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  // Without the run's own variables: the server that it shares, and what vitest tells Node.
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  const env = { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
const fairlead = (cwd: string, ...args: string[]) => run(cwd, launcher, ...args);

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'init-test-'));
  home = join(parent, 'harbour');
  expect(await fairlead(parent, 'init', 'harbour')).toMatchObject({ code: 0, err: '' });
  // What npm install would put there.
  await mkdir(join(home, 'node_modules'));
  for (const name of ['@fairlead', '@types', 'zod'])
    await symlink(join(root, 'node_modules', name), join(home, 'node_modules', name));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

test('a folder that holds something is left as it is', async () => {
  const again = await fairlead(parent, 'init', 'harbour');
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') });
});

test('a name that no platform or service can have is refused with the reason', async () => {
  expect(await fairlead(parent, 'init', 'Harbour')).toMatchObject({
    code: 2,
    err: expect.stringContaining('lower-case'),
  });
  const own = await fairlead(home, 'add', 'service', 'gateway');
  expect(own).toMatchObject({ code: 2, err: expect.stringContaining("platform's own parts") });
  const taken = await fairlead(home, 'add', 'service', 'notes');
  expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('has a "notes" already') });
});

test('a new platform and a service added to it load, have sound types, and pass their own tests', async () => {
  expect(await fairlead(home, 'add', 'service', 'order-lines')).toMatchObject({ code: 0, err: '' });
  const model = await loadPlatform(join(home, 'platform.ts'));
  expect(model.name).toBe('harbour');
  expect(model.services.map(({ name }) => name)).toEqual(['notes', 'order-lines']);
  expect(model.routes.map(({ path }) => path)).toEqual(['/order-lines', '/notes']);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = await run(home, compiler, '-p', '.', '--customConditions', '@fairlead/source');
  expect(types).toEqual({ code: 0, out: '', err: '' });
  const tested = await run(home, '--conditions=@fairlead/source', '--test', '--test-reporter=tap');
  expect(tested.out).toMatch(/# pass 6\n# fail 0/);
  expect(tested.code).toBe(0);
});

test('in a checkout a new platform needs no installation: its tests and types find the packages as they are', async () => {
  const checkout = join(parent, 'checkout');
  await mkdir(checkout);
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
  const made = await fairlead(checkout, 'init', 'pier');
  expect(made.out).not.toContain('npm install');
  const pier = join(checkout, 'pier');
  const { scripts } = JSON.parse(await readFile(join(pier, 'package.json'), 'utf8'));
  const [program, ...args] = (scripts.test as string).split(' ');
  expect(program).toBe('node');
  expect((await run(pier, ...args, '--test-reporter=tap')).out).toMatch(/# pass 3\n# fail 0/);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  expect(await run(pier, compiler, '-p', '.')).toEqual({ code: 0, out: '', err: '' });
});

test('what is installed with a new platform is what this repository has', async () => {
  const made = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
  const manifest = async (path: string) => JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8'));
  expect(made.name).toBe('harbour');
  expect(made.dependencies['@fairlead/cli']).toBe((await manifest('packages/cli')).version);
  expect(made.dependencies.zod).toBe((await manifest('packages/contract')).dependencies.zod);
});

test('a blueprint of its own kind is not touched: what to write is told', async () => {
  const odd = "export default definePlatform({ services: { a: './a/service.ts' }, gateway: { routes: [] } });\n";
  expect(addServiceToBlueprint(odd, 'b')).toEqual({
    kind: 'by-hand',
    lines: ["services: { b: './b/service.ts', }", "routes: [ { path: '/b', service: 'b' }, ]"],
  });
});

test('an entry is written as those beside it are', () => {
  const edited = (services: string, routes: string): string => {
    const edit = addServiceToBlueprint(`services: ${services},\nroutes: ${routes},\n`, 'b');
    return edit.kind === 'edited' ? edit.text : edit.kind;
  };
  expect(edited("{ a: './a.ts' }", "[{ path: '/a', service: 'a' }]")).toBe(
    "services: { b: './b/service.ts', a: './a.ts' },\nroutes: [{ path: '/b', service: 'b' }, { path: '/a', service: 'a' }],\n",
  );
  expect(edited('{}', '[]')).toBe("services: { b: './b/service.ts' },\nroutes: [{ path: '/b', service: 'b' }],\n");
  expect(edited("{\n  a: './a.ts',\n}", '[\n]')).toBe(
    "services: {\n  b: './b/service.ts',\n  a: './a.ts',\n},\nroutes: [\n  { path: '/b', service: 'b' },\n],\n",
  );
});

test('an edit after which the blueprint does not load is taken back', async () => {
  const file = join(home, 'platform.ts');
  const before = await readFile(file, 'utf8');
  // The first `services: {` of this file is not the blueprint's.
  const trap = before.replace('  services: {', '  ...({} as { name?: string }),\n  services: members,');
  const members = `const members = { notes: './notes/service.ts', 'order-lines': './order-lines/service.ts' };\nconst spare = {\n  services: {\n  },\n};\nvoid spare;\n`;
  const rest = trap.replace(/ {2}services: members,[\s\S]*? {2}\},\n/, '  services: members,\n');
  await writeFile(file, rest.replace('export default', `${members}export default`));
  const asWritten = await readFile(file, 'utf8');
  const refused = await fairlead(home, 'add', 'service', 'berths');
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('nothing is changed') });
  expect(await readFile(file, 'utf8')).toBe(asWritten);
  await writeFile(file, before);
});
