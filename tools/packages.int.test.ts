import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageReadmes } from './documents/package-readmes.ts';
import { LAYERS } from './layers.ts';
import { ROOT } from './repository.ts';

/** What `npm pack --json` says of a package. */
interface Packed {
  readonly name: string;
  readonly filename: string;
  /** Of the tarball, in bytes. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const packages = LAYERS.filter((name) => existsSync(join(ROOT, 'packages', name, 'src/index.ts')));
const dists = packages.map((name) => join(ROOT, 'packages', name, 'dist'));
const before = dists.filter((dist) => existsSync(dist));
const packed = new Map<string, Packed>();
let user = '';

/** Runs to the end, without what this repository sets in the environment; throws with what it said when it fails. */
function run(command: string, args: readonly string[], cwd: string): string {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: '', VITEST: '', FAIRLEAD_TEST_SERVER: undefined };
  const ended = spawnSync(command, args, { cwd, encoding: 'utf8', env, maxBuffer: 64 * 1024 * 1024 });
  if (ended.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

const node = (...args: string[]): string =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], user);

/** The first examples of READMEs, by package; those of the others are played (`documents/documents.int.test.ts`). */
const { packed: examples, neither } = packageReadmes();
const example = (name: string): string => examples.get(name)?.text ?? '';

beforeAll(() => {
  user = realpathSync(mkdtempSync(join(tmpdir(), 'fairlead-packed-')));
  run(process.execPath, [join(ROOT, 'tools/build.ts')], ROOT);
  const workspaces = packages.flatMap((name) => ['--workspace', `packages/${name}`]);
  const answer = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', user, ...workspaces], ROOT)) as
    | Packed[]
    | Record<string, Packed>;
  for (const each of Object.values(answer)) packed.set(each.name.replace('@fairlead/', ''), each);
  const manifest = { name: 'user', private: true, type: 'module' };
  writeFileSync(join(user, 'package.json'), JSON.stringify(manifest));
  const tarballs = [...packed.values()].map(({ filename }) => `./${filename}`);
  run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs, 'zod@4'],
    user,
  );

  // A tiny platform of the person's own: the service of one README under the blueprint of this one.
  writeFileSync(
    join(user, 'greeter.ts'),
    example('service').replace("{ method: 'GET'", "{ visibility: 'public', method: 'GET'"),
  );
  writeFileSync(
    join(user, 'platform.ts'),
    `import { definePlatform } from '@fairlead/platform';
     export default definePlatform({ name: 'tiny', services: { greeter: './greeter.ts' }, tenants: { acme: { displayName: 'Acme' } },
       gateway: { routes: [{ path: '/greet', service: 'greeter' }] } });`,
  );
});

afterAll(() => {
  rmSync(user, { recursive: true, force: true });
  // A dist/ that nobody asked for would hide it when a test can't find the sources.
  for (const each of dists) if (!before.includes(each)) rmSync(each, { recursive: true, force: true });
});

test('every package of the house is packed, with its SQL and without sources, tests and fixtures', () => {
  expect([...packed.keys()].toSorted()).toEqual(packages.toSorted());
  for (const [name, { files }] of packed) {
    const paths = files.map(({ path }) => path);
    expect(paths, name).toContain('dist/index.js');
    expect(paths, name).toContain('dist/index.d.ts');
    expect(
      paths.filter((path) => /\.test\.|fixture|test-terminal|^src\//.test(path)),
      name,
    ).toEqual([]);
    if (existsSync(join(ROOT, 'packages', name, 'sql'))) {
      expect(
        paths.some((path) => /^sql\/.*\.sql$/.test(path)),
        name,
      ).toBe(true);
    }
  }
});

/** How an example is run: what stands before it, and what is changed in it to run beside others. */
const SETTINGS: Readonly<Record<string, { readonly before?: string; readonly change?: (text: string) => string }>> = {
  control: { change: (text) => text.replace('examples/shop/platform.ts', 'platform.ts') },
  messaging: {
    before: `import { createContext, realClock, realRandom } from '@fairlead/core';
      import { defineContract, event } from '@fairlead/contract';
      import { BROKER_MIGRATIONS, MESSAGING_MIGRATIONS, brokerGrants, postgresBroker, publish, startConsumer, startRelay } from '@fairlead/messaging';
      import { openDatabase, type Tx } from '@fairlead/store';
      import { testDatabase } from '@fairlead/store/testing';
      import { noTelemetry } from '@fairlead/telemetry';
      import { z } from 'zod';
      const clock = realClock(), random = realRandom(), telemetry = noTelemetry();
      using ctx = createContext({ clock, random });
      const ordersContract = defineContract({ name: 'orders', version: '1.0.0', operations: {}, events: {
        'order.placed': event({ key: 'orderId', data: z.object({ orderId: z.string(), totalCents: z.int() }) }) } });
      await using ordersHeld = await testDatabase();
      await using stockHeld = await testDatabase({ migrations: [{ set: 'messaging', from: MESSAGING_MIGRATIONS }] });
      await using brokerHeld = await testDatabase({ migrations: [{ set: 'broker', from: BROKER_MIGRATIONS }] });
      await using owner = openDatabase({ url: brokerHeld.ownerUrl, name: 'broker', clock });
      await brokerGrants(ctx, owner, [{ service: 'orders', role: 'test_runtime', reads: ['orders'] }]);
      const orders = ordersHeld.database, stock = stockHeld.database;
      const broker = postgresBroker({ database: brokerHeld.database });
      const handled = Promise.withResolvers<unknown>();
      const reserve = async (_tx: Tx, data: unknown): Promise<void> => handled.resolve(data);
      `,
    change: (text) =>
      `${text}console.log(await handled.promise);\nawait consumer.close(); await relay.close(); await broker.close();\n`,
  },
  proxy: { change: (text) => text.replace('port: 8080', 'port: 0') },
};

const OUTPUT: Readonly<Record<string, RegExp>> = {
  core: /^\d+\nDEADLINE_EXCEEDED\n$/,
  control: /\[[^\]]*'greeter ready'[^\]]*\]/,
  messaging: /orderId: '42', totalCents: 1000/,
  store: /type: 'order\.placed'/,
  telemetry: /"apiKey":"\[/,
};

test('the first example of every README is executed: from the tarballs, or played', () => {
  expect(neither).toEqual([]);
});

test('the first example of every README that begins with TypeScript runs from the tarballs, and fits their declarations', () => {
  mkdirSync(join(user, 'yard'));
  for (const part of ['billing', 'orders', 'stock', 'contracts.ts'])
    cpSync(join(ROOT, 'packages/platform/fixtures', part), join(user, 'yard', part), { recursive: true });
  const files: string[] = ['greeter.ts', 'platform.ts'];
  const outputs = new Map<string, string>();
  for (const name of examples.keys()) {
    const { before: head = '', change = (text: string) => text } = SETTINGS[name] ?? {};
    const file = name === 'platform' ? 'yard/platform.ts' : `${name}.example.ts`;
    writeFileSync(join(user, file), `${head}${change(example(name))}`);
    files.push(file);
  }
  // Types first: from the emitted declarations, which are checked themselves.
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'false'];
  const lib = [
    '--lib',
    'es2024,esnext.disposable,esnext.collection',
    '--types',
    'node',
    '--allowImportingTsExtensions',
  ];
  const ended = spawnSync(
    join(ROOT, 'node_modules/.bin/tsc'),
    [...options, ...lib, '--typeRoots', join(ROOT, 'node_modules/@types'), ...files],
    { cwd: user, encoding: 'utf8' },
  );
  // Declarations of others are their own affair.
  const ours = `${ended.stdout}${ended.stderr}`
    .split('\n')
    .filter((line) => /error TS/.test(line) && !/^node_modules\/(?!@fairlead\/)/.test(line));
  expect(ours).toEqual([]);

  for (const file of files) outputs.set(file.replace(/\.example\.ts$/, ''), node(file));
  for (const [name, expected] of Object.entries(OUTPUT)) expect(outputs.get(name), name).toMatch(expected);
});

test('the command works from its tarball: check, and up on a tiny platform', async () => {
  const fairlead = join(user, 'node_modules/.bin/fairlead');
  expect(run(fairlead, ['check'], user)).toContain('tiny is sound');
  const platform = await up(user);
  try {
    const token = run(fairlead, ['token', '--tenant', 'acme', '--subject', 'ada'], user).trim();
    const answer = await fetch(`${platform.gateway}/greet/Ada`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toEqual({ text: 'Hello, Ada!' });
  } finally {
    expect(await platform.stop()).toEqual({ code: 0, errors: '' });
  }
});

test('the gateway runs from its tarball, by files of its own and with what only some need', async () => {
  await using origin = createServer((_request, response) => response.end('from the origin')).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  // `as`: it listens on a port.
  const { port } = origin.address() as AddressInfo;
  const configuration = (regex: string): string => `
listeners: [{ name: web, address: '127.0.0.1:0' }]
routes: [{ name: it, match: { path: { regex: '${regex}' } }, filters: [{ type: headers, answer: { set: { x-by: fairlead } } }], to: origin }]
clusters: { origin: { endpoints: ['http://127.0.0.1:${port}'] } }
`;
  writeFileSync(join(user, 'broken.yaml'), configuration('('));
  writeFileSync(join(user, 'gateway.yaml'), configuration('/o.*'));
  const fairlead = join(user, 'node_modules/.bin/fairlead');
  const broken = spawnSync(fairlead, ['gateway', 'run', 'broken.yaml'], { cwd: user, encoding: 'utf8' });
  expect(broken.stderr).toMatch(/^fairlead gateway run: broken\.yaml.*\n.*is no regular expression.*\n$/);

  const modules = join(user, 'modules');
  const reporter = join(ROOT, 'packages/cli/src/fixtures/report-modules.ts');
  for (const flags of [[], ['--workers', '2']]) {
    const args = ['gateway', 'run', 'gateway.yaml', '--json', '--admin', '0', ...flags];
    const env = { ...process.env, NODE_OPTIONS: `--import=${reporter}`, MODULES: modules };
    const child = spawn(fairlead, args, { cwd: user, stdio: ['ignore', 'pipe', 'ignore'], env });
    const exited = once(child, 'exit');
    try {
      const begun: unknown[] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exited]);
      // `as`: its first line is the event `listening`.
      const { listeners, admin } = JSON.parse(String(begun[0])) as { listeners: { web: string }; admin: string };
      const answer = await fetch(`${listeners.web}/orders`);
      expect([answer.headers.get('x-by'), await answer.text()]).toEqual(['fairlead', 'from the origin']);
      const metrics = await (await fetch(`${admin}/metrics`)).text();
      expect(metrics).toContain('\nprocess_resident_memory_bytes{');
      expect(metrics).toContain('\nhttp_server_request_duration_seconds_count{');
    } finally {
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    }
    const ours = readFileSync(modules, 'utf8')
      .split('\n')
      .filter((module) => module.includes('/node_modules/@fairlead/') && !module.includes('/cli/dist/gateway/'));
    expect(ours.map((module) => module.slice(module.indexOf('@fairlead')))).toEqual(['@fairlead/cli/bin/fairlead.js']);
  }
});

/** What `run` gives, for what may fail or has to be interrupted. */
interface Running {
  readonly gateway: string;
  /** Ctrl-C; the exit code and what it said to standard error. */
  stop(): Promise<{ readonly code: number | null; readonly errors: string }>;
  /** Resolves when a line of its events holds this text. */
  says(text: string): Promise<void>;
}

/** `fairlead up --json` in a folder, once it is ready. */
async function up(folder: string, ...flags: readonly string[]): Promise<Running> {
  const child = spawn(
    join(folder, 'node_modules/.bin/fairlead'),
    ['up', '--json', '--gateway-port', '0', '--admin-port', '0', ...flags],
    { cwd: folder, env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const lines: string[] = [];
  const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const { text, resolve } of waiting) if (line.includes(text)) resolve();
  });
  const says = (text: string): Promise<void> => {
    if (lines.some((line) => line.includes(text))) return Promise.resolve();
    return Promise.race([
      new Promise<void>((resolve) => waiting.push({ text, resolve })),
      exited.then(() => Promise.reject(new Error(`up ended before it said ${text}: ${errors}`))),
    ]);
  };
  await says('"event":"ready"');
  const ready = JSON.parse(lines.find((line) => line.includes('"event":"ready"')) ?? '') as { gateway: string };
  return {
    gateway: ready.gateway,
    says,
    async stop() {
      child.kill('SIGINT');
      await exited;
      return { code: child.exitCode, errors };
    },
  };
}

test('what fairlead init writes is installed, tested, checked, run, watched and added to with nothing but the tarballs', async () => {
  run(join(user, 'node_modules/.bin/fairlead'), ['init', 'demo'], user);
  const demo = join(user, 'demo');
  const fairlead = join(demo, 'node_modules/.bin/fairlead');
  const tarballs = [...packed.values()].map(({ filename }) => `../${filename}`);
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs], demo);
  expect(run('npm', ['test'], demo)).toMatch(/pass 3\n.* fail 0/);
  expect(run('npm', ['run', 'check'], demo)).toContain('demo is sound: 1 service, 0 externals, tenants acme.');

  const platform = await up(demo, '--watch');
  try {
    const created = run(fairlead, ['call', 'notes.create', '{"text":"hello"}', '--tenant', 'acme', '--json'], demo);
    expect(JSON.parse(created)).toMatchObject({ status: 201, body: { text: 'hello' } });
    const token = run(fairlead, ['token', '--tenant', 'acme', '--subject', 'me'], demo).trim();
    const answer = await fetch(`${platform.gateway}/notes`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toMatchObject({ items: [{ text: 'hello' }] });
    const service = join(demo, 'notes/service.ts');
    writeFileSync(service, `${readFileSync(service, 'utf8')}\n// Changed.\n`);
    await platform.says('notes/service.ts changed: starting notes again');
  } finally {
    expect(await platform.stop()).toEqual({ code: 0, errors: '' });
  }
  for (const left of ['lock', 'state.json']) expect(existsSync(join(demo, '.fairlead', left)), left).toBe(false);

  run(fairlead, ['add', 'service', 'order-lines'], demo);
  expect(run('npm', ['test'], demo)).toMatch(/pass 6\n.* fail 0/);
  expect(run('npm', ['run', 'check'], demo)).toContain('demo is sound: 2 services');

  // With vitest instead, all files of a run share one Postgres.
  symlinkSync(join(ROOT, 'node_modules/vitest'), join(demo, 'node_modules/vitest'));
  writeFileSync(
    join(demo, 'vitest.config.ts'),
    `export default { test: { globalSetup: '@fairlead/testing/global-setup', include: ['shared/*.ts'], maxWorkers: 2 } };\n`,
  );
  mkdirSync(join(demo, 'shared'));
  for (const name of ['one', 'two']) {
    writeFileSync(
      join(demo, 'shared', `${name}.ts`),
      `import { expect, test } from 'vitest';
       import { testService } from '@fairlead/testing';
       import service from '../notes/service.ts';
       test('keeps a text', async () => {
         expect(process.env.FAIRLEAD_TEST_SERVER).toBeDefined();
         await using notes = await testService(service);
         expect(await notes.call.create({ text: 'shared' })).toMatchObject({ text: 'shared' });
       });\n`,
    );
  }
  expect(run(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'], demo)).toMatch(/2 passed/);
});

/** Packages that an installation of `name` brings, itself not counted; platform binaries count once. */
function dependenciesOf(name: string): number {
  const found = new Set<string>();
  const visit = (folder: string): void => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string> | undefined
    >;
    for (const each of Object.keys(manifest['dependencies'] ?? {})) {
      const nested = join(folder, 'node_modules', each);
      const place = existsSync(nested) ? nested : join(user, 'node_modules', each);
      if (found.has(place)) continue;
      found.add(place);
      visit(place);
    }
  };
  visit(join(user, 'node_modules/@fairlead', name));
  return found.size;
}

test('sizes and dependencies are what docs/reference/packages.md argues', () => {
  const rows = packages.map((name) => ({
    name,
    kib: (packed.get(name)?.size ?? 0) / 1024,
    dependencies: dependenciesOf(name),
  }));
  const lines = rows.map(({ name, kib, dependencies }) => `| \`${name}\` | ${kib.toFixed(0)} | ${dependencies} |`);
  console.log(['| package | packed, KiB | installs |', '|---|--:|--:|', ...lines].join('\n'));
  const page = readFileSync(join(ROOT, 'docs/reference/packages.md'), 'utf8');
  const written = new Map(
    [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (\d+) \|/gm)].map(([, name = '', kib, count]) => [
      name,
      { kib: Number(kib), count: Number(count) },
    ]),
  );
  expect([...written.keys()].toSorted()).toEqual(packages.toSorted());
  for (const { name, kib, dependencies } of rows) {
    const known = written.get(name);
    // A third more or less, or 4 KiB, is growth that nobody needs to argue.
    expect(Math.abs(kib - (known?.kib ?? 0)), `${name}: packed size, KiB ${kib.toFixed(0)}`).toBeLessThanOrEqual(
      Math.max(4, kib / 3),
    );
    expect(dependencies, `${name}: packages that it installs`).toBe(known?.count);
  }
});
