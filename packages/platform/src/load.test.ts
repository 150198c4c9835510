import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FairleadError } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { PlatformDefinition } from './definition.ts';
import { buildModel, loadPlatform } from './load.ts';

const ROOT = new URL('../fixtures/', import.meta.url).pathname;
const FILE = join(ROOT, 'platform.ts');

const YARD: PlatformDefinition = {
  name: 'yard',
  services: { stock: './stock/service.ts', orders: './orders/service.ts' },
  externals: { billing: { contract: './billing/contract.ts', run: './billing/main.ts' } },
  tenants: { acme: { displayName: 'Acme' } },
  gateway: { routes: [{ path: '/orders', service: 'orders' }] },
};

/** What `definition` is refused for, as `path: message` lines. Takes anything: people write anything. */
async function problemsOf(definition: unknown): Promise<string[]> {
  // `as`: wrong blueprints are what this is about.
  const error: unknown = await buildModel(FILE, definition as PlatformDefinition).catch((reason: unknown) => reason);
  if (!(error instanceof FairleadError)) throw new Error('The blueprint was accepted', { cause: error });
  expect(error.code).toBe('PLATFORM_INVALID');
  expect(error.message).toContain(FILE);
  const problems = error.details['problems'] as { path: string; message: string }[];
  for (const { path, message } of problems)
    expect(error.message).toContain(`  ${path === '' ? '(blueprint)' : path}: ${message}`);
  return problems.map(({ path, message }) => `${path}: ${message}`);
}

const withRoute = (route: object) => ({
  ...YARD,
  gateway: { routes: [{ path: '/orders', service: 'orders', ...route }] },
});

test('a blueprint becomes a model with everything filled in, sorted by name', async () => {
  const model = await loadPlatform(FILE);
  expect(model).toMatchObject({ name: 'yard', file: FILE, root: ROOT.replace(/\/$/, '') });
  expect(model.services.map((service) => [service.name, service.module, service.database, service.uses])).toEqual([
    [
      'orders',
      join(ROOT, 'orders/service.ts'),
      true,
      [
        { alias: 'billing', kind: 'external', name: 'billing' },
        { alias: 'warehouse', kind: 'service', name: 'stock' },
      ],
    ],
    ['stock', join(ROOT, 'stock/service.ts'), false, [{ alias: 'orders', kind: 'service', name: 'orders' }]],
  ]);
  expect(model.services[0]?.migrations).toMatch(/^file:.*\/orders\/migrations\/$/);
  expect(model.externals).toMatchObject([
    { name: 'billing', run: join(ROOT, 'billing/main.ts'), url: undefined, env: { LATENCY: '0' } },
  ]);
  expect(model.externals[0]?.contract.version).toBe('1.0.0');
  expect(model.tenants).toEqual([
    { id: 'acme', settings: { displayName: 'Acme', limits: { orders: 10 } } },
    { id: 'globex', settings: {} },
  ]);
  expect(model.routes).toEqual([
    {
      path: '/orders/archive',
      service: 'orders',
      roles: ['admin', 'support'],
      timeoutMs: 5_000,
      maxBodyBytes: 1_048_576,
      filters: [],
    },
    { path: '/orders', service: 'orders', timeoutMs: 1_500, maxBodyBytes: 65_536, filters: [] },
    { path: '/stock', service: 'stock', methods: ['GET'], timeoutMs: 5_000, maxBodyBytes: 1_048_576, filters: [] },
  ]);
});

test('services that call each other in a circle are a warning, not a refusal', async () => {
  const model = await loadPlatform(FILE);
  expect(model.warnings).toEqual([expect.stringMatching(/^orders, stock call each other in a circle/)]);
});

test('services that listen to each other are no circle', async () => {
  const listening = { ...YARD, services: { ...YARD.services, stock: './stock/listening.ts' } };
  expect((await buildModel(FILE, listening)).warnings).toEqual([]);
});

test('the model is frozen all the way down', async () => {
  const model = await loadPlatform(FILE);
  for (const value of [
    model,
    model.services,
    model.services[0],
    model.services[0]?.uses,
    model.tenants[1]?.settings,
    model.routes[0],
  ]) {
    expect(Object.isFrozen(value)).toBe(true);
  }
  expect(Object.isFrozen(model.tenants[0]?.settings['limits'])).toBe(true);
});

test('a blueprint that is changed after loading does not change the model', async () => {
  const settings = { limits: { orders: 1 } };
  const model = await buildModel(FILE, { ...YARD, tenants: { acme: settings } });
  settings.limits.orders = 2;
  expect(model.tenants[0]?.settings).toEqual({ limits: { orders: 1 } });
});

test('the hash stays the same for another order of keys and changes with every declared fact', async () => {
  const { hash } = await buildModel(FILE, YARD);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  const { services, ...rest } = YARD;
  const reordered = { ...rest, services: { orders: services['orders']!, stock: services['stock']! } };
  expect((await buildModel(FILE, reordered)).hash).toBe(hash);
  expect((await buildModel(FILE, { ...YARD, tenants: {} })).hash).not.toBe(hash);
  expect((await buildModel(FILE, { ...YARD, gateway: { ...YARD.gateway, timeout: '11s' } })).hash).not.toBe(hash);
  expect((await buildModel(FILE, { ...YARD, gateway: { ...YARD.gateway, timeout: '10000ms' } })).hash).toBe(hash);
});

test('unknown keys are refused with their place and the nearest known key, all at once', async () => {
  const problems = await problemsOf({
    ...YARD,
    tenats: {},
    externals: { billing: { contract: './billing/contract.ts', run: './billing/main.ts', enw: {} } },
    gateway: {
      routes: [
        { path: '/a', service: 'orders' },
        { path: '/b', servce: 'orders', service: 'orders' },
      ],
      timout: '1s',
    },
  });
  expect(problems.toSorted()).toEqual([
    'externals.billing.enw: is no known key; did you mean "env"?',
    'gateway.routes[1].servce: is no known key; did you mean "service"?',
    'gateway.timout: is no known key; did you mean "timeout"?',
    'tenats: is no known key; did you mean "tenants"?',
  ]);
});

test('an unknown key that is near to none is told which are known', async () => {
  expect(await problemsOf(withRoute({ zzzzzzzzzz: 1 }))).toEqual([
    'gateway.routes[0].zzzzzzzzzz: is no known key; known here: path, service, methods, roles, timeout, maxBody, filters',
  ]);
});

test('missing members and wrong types are said in words', async () => {
  expect(await problemsOf({ ...YARD, services: undefined, gateway: { routes: {} } })).toEqual([
    'services: is missing; it must be an object',
    'gateway.routes: must be a list, and is an object',
  ]);
  expect(await problemsOf(null)).toEqual([': must be an object, and is null']);
});

test.each([
  ['timeout', '10', /^gateway.routes\[0\].timeout: is no duration: "10"/],
  ['timeout', '1.0001ms', /is no duration/],
  ['timeout', '0s', /may not be 0/],
  ['timeout', '2h', /at most "1h"/],
  ['timeout', 10, /must be a string, and is a number/],
  ['maxBody', '64kb', /^gateway.routes\[0\].maxBody: is no size: "64kb"/],
  ['methods', ['get'], /^gateway.routes\[0\].methods\[0\]: must be one of GET/],
  ['methods', [], /is empty/],
  ['roles', [], /nobody could pass/],
  ['roles', ['a,b'], /^gateway.routes\[0\].roles\[0\]: must be letters/],
  ['path', 'orders', /must begin with \//],
  ['path', '/orders/', /may not end with \//],
  ['path', '/orders/:id', /not a pattern/],
  ['path', '/orders/*', /not a pattern/],
  ['path', '/a//b', /empty, \. or \.\. segments/],
  ['path', '/a/../b', /empty, \. or \.\. segments/],
  ['path', '/a%2Fb', /may only have/],
  ['path', '/a?b', /may only have/],
  ['path', '/-/health', /gateway's own/],
])('a route with %s %j is refused', async (key, value, message) => {
  const problems = await problemsOf(withRoute({ [key]: value }));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(message);
});

test('a route to an unknown service or to an external is refused', async () => {
  const routes = [
    { path: '/a', service: 'order' },
    { path: '/b', service: 'billing' },
  ];
  expect(await problemsOf({ ...YARD, gateway: { routes } })).toEqual([
    'gateway.routes[0].service: there is no service "order" (did you mean "orders"?)',
    'gateway.routes[1].service: "billing" is an external; the gateway leads to services only',
  ]);
});

test('two routes that answer the same are refused; the same path with methods of their own is not', async () => {
  const routes = (a: object, b: object) => ({
    routes: [
      { path: '/a', service: 'orders', ...a },
      { path: '/a', service: 'stock', ...b },
    ],
  });
  for (const [a, b] of [
    [{}, {}],
    [{ methods: ['GET'] }, {}],
    [{ methods: ['GET', 'POST'] }, { methods: ['POST'] }],
  ] as const) {
    expect(await problemsOf({ ...YARD, gateway: routes(a, b) })).toEqual([
      expect.stringMatching(/^gateway.routes\[1\]: answers \/a for the same methods as gateway.routes\[0\]/),
    ]);
  }
  const gateway = routes({ methods: ['GET'] }, { methods: ['POST'] });
  expect((await buildModel(FILE, { ...YARD, gateway } as PlatformDefinition)).routes).toHaveLength(2);
});

test('reserved, malformed and doubled names are refused', async () => {
  for (const name of ['gateway', 'control', 'postgres', 'broker']) {
    expect(await problemsOf({ ...YARD, services: { ...YARD.services, [name]: './orders/service.ts' } })).toEqual([
      expect.stringContaining(`services.${name}: is a name of the platform's own parts`),
    ]);
  }
  expect(await problemsOf({ ...YARD, services: { ...YARD.services, Orders: './orders/service.ts' } })).toEqual([
    expect.stringMatching(/^services.Orders: must be lower-case/),
  ]);
  const both = { ...YARD, externals: { ...YARD.externals, orders: { contract: './contracts.ts', url: 'http://x' } } };
  expect(await problemsOf(both)).toContainEqual(
    expect.stringMatching(/^externals.orders: is the name of a service, too/),
  );
});

test('tenants have ids of a limited alphabet and settings of any JSON', async () => {
  const problems = await problemsOf({
    ...YARD,
    tenants: { 'a b': {}, acme: { displayName: 7 }, globex: { deep: [{ when: new Date(0) }] }, initech: 'x' },
  });
  expect(problems.toSorted()).toEqual([
    'tenants.acme.displayName: must be a string',
    'tenants.globex.deep[0].when: is nothing that JSON can carry',
    'tenants.initech: must be an object',
    expect.stringMatching(/^tenants\["a b"\]: must be lower-case/),
  ]);
});

test('an external needs run or url, a clean url, and env only for run', async () => {
  const external = async (value: object) =>
    problemsOf({ ...YARD, externals: { billing: { contract: './billing/contract.ts', ...value } } });
  expect(await external({})).toEqual([expect.stringMatching(/^externals.billing: leads nowhere/)]);
  expect(await external({ url: 'http://u:p@x' })).toEqual([
    expect.stringMatching(/^externals.billing.url: must be an http/),
  ]);
  expect(await external({ url: 'ftp://x' })).toHaveLength(1);
  expect(await external({ url: 'http://x', env: { A: '1' } })).toEqual([
    expect.stringMatching(/^externals.billing.env: has no process to go to/),
  ]);
  const fine = {
    ...YARD,
    externals: { billing: { contract: './billing/contract.ts', url: 'https://pay.example/v1/' } },
  };
  expect((await buildModel(FILE, fine)).externals[0]?.url).toBe('https://pay.example/v1');
});

test('a module that is missing is told with the nearest that is there', async () => {
  const definition = {
    ...YARD,
    services: { ...YARD.services, orders: './orders/servise.ts' },
    externals: { billing: { contract: './billing/contract.ts', run: './billing/mian.ts' } },
  };
  expect(await problemsOf(definition)).toEqual(
    expect.arrayContaining([
      'services.orders: there is no file ./orders/servise.ts; did you mean ./orders/service.ts?',
      'externals.billing.run: there is no file ./billing/mian.ts; did you mean ./billing/main.ts?',
    ]),
  );
});

test('modules that throw, export nothing, something else or another name are refused, each at its place', async () => {
  const problems = await problemsOf({
    ...YARD,
    services: { a: './broken/throws.ts', b: './broken/empty.ts', c: './billing/contract.ts', d: './stock/service.ts' },
    externals: {
      billing: { contract: './orders/service.ts', url: 'http://x' },
      e: { contract: './billing/contract.ts', url: 'http://x' },
    },
    gateway: { routes: [] },
  });
  expect(problems).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^services.a: broken\/throws.ts can't be imported: Error: the sails are torn$/),
      'services.b: broken/empty.ts has no default export',
      expect.stringMatching(/^services.c: .* another default export than a service/),
      expect.stringMatching(/^services.d: .* defines the service "stock"/),
      expect.stringMatching(/^externals.billing.contract: .* another default export than a contract/),
      expect.stringMatching(/^externals.e.contract: .* is the contract of "billing"/),
    ]),
  );
});

test('a policy is for somebody who is called, and can be used; everything wrong is told at its place', async () => {
  const problems = await problemsOf({
    ...YARD,
    policies: {
      '*': {},
      biling: {},
      'billing.chrage': {},
      stock: { timeout: { total: '1s', attempt: '2s' }, brekaer: {} },
      orders: [],
      billing: { rateLimit: { rate: '10/s', shared: {} } },
    },
  });
  expect(problems).toEqual([
    'policies.biling: is for "biling" (did you mean "billing"?), which is no service and no external of this platform',
    'policies["billing.chrage"]: is for "chrage" (did you mean "charge"?), which is no operation of billing',
    expect.stringMatching(/^policies.stock: brekaer: .*did you mean breaker\?$/),
    expect.stringMatching(/^policies.stock: timeout.attempt: 2s is longer than timeout.total/),
    expect.stringMatching(/^policies.orders: \[\] is no object/),
    expect.stringMatching(/^policies.billing: rateLimit.shared: no topology has a store/),
  ]);
});

test('the model has the policies as they were declared, and its hash tells when they change', async () => {
  const policies = { stock: { timeout: { total: '1s' } }, '*': { timeout: { total: '2s' } } } as const;
  const model = await buildModel(FILE, { ...YARD, policies });
  expect(model.policies).toEqual(policies);
  expect(Object.keys(model.policies)).toEqual(['*', 'stock']);
  expect(Object.isFrozen(model.policies['stock'])).toBe(true);
  expect(model.hash).not.toBe((await buildModel(FILE, YARD)).hash);
});

test('using what is not in the platform, or in a version that breaks, is refused', async () => {
  const { externals: _, ...withoutBilling } = YARD;
  expect(await problemsOf(withoutBilling)).toEqual([
    'services.orders: uses "billing", which is no service and no external of this platform',
  ]);
  const outdated = { ...YARD, services: { ...YARD.services, orders: './stock/outdated.ts' } };
  expect(await problemsOf(outdated)).toEqual([
    'services.orders: uses stock 1.9.0, and the platform has 2.1.0: another major version breaks callers',
  ]);
});

test('a blueprint that is missing, a folder, broken or none at all is told apart', async () => {
  const codeOf = async (file: string) => loadPlatform(file).catch((error: unknown) => error);
  expect(await codeOf(join(ROOT, 'nowhere.ts'))).toMatchObject({ code: 'PLATFORM_NOT_FOUND' });
  expect(await codeOf(ROOT)).toMatchObject({
    code: 'PLATFORM_NOT_FOUND',
    message: expect.stringContaining(`did you mean ${FILE}?`),
  });
  expect(await codeOf(join(ROOT, 'broken/throws.ts'))).toMatchObject({
    code: 'PLATFORM_UNLOADABLE',
    message: expect.stringContaining('the sails are torn'),
  });
  expect(await codeOf(join(ROOT, 'orders/service.ts'))).toMatchObject({
    code: 'PLATFORM_UNLOADABLE',
    message: expect.stringContaining('definePlatform'),
  });
});

test('a blueprint is found relative to the working directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blueprint-'));
  try {
    await writeFile(join(folder, 'platform.mjs'), 'export default 1;\n');
    const cwd = process.cwd();
    process.chdir(folder);
    try {
      await expect(loadPlatform('platform.mjs')).rejects.toMatchObject({ code: 'PLATFORM_UNLOADABLE' });
    } finally {
      process.chdir(cwd);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
