import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';
import { testTerminal } from './test-terminal.ts';

const GATEWAY = `listeners: [{ name: public, address: '127.0.0.1:0' }]
routes:
  - name: canary
    hosts: ['*.shop.test']
    match: { path: { template: '/v2/orders/:id' }, headers: { x-ring: canary } }
    to: [{ cluster: orders, weight: 1 }, { cluster: canary, weight: 3 }]
    timeout: 1.5s
    maxBody: 64KiB
  - { name: orders, match: { path: /v2/orders, method: [GET, POST] }, to: orders }
clusters:
  orders: { endpoints: [http://127.0.0.1:3000] }
  canary: { endpoints: [] }
  spare: { dns: 'http://spare.test' }
`;

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  await writeFile(join(cwd, 'gateway.yaml'), GATEWAY);
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(...args: string[]) {
  const terminal = testTerminal({ cwd });
  const code = await runCli(terminal, args);
  return { code, out: terminal.stdout(), err: terminal.stderr() };
}

test('a sound configuration is shown in short, with what is hardly meant', async () => {
  const { code, out, err } = await run('gateway', 'check', 'gateway.yaml');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out.replace(/hash \w{12}/, 'hash …')).toMatchInlineSnapshot(`
    "gateway.yaml is sound: 1 listener, 2 routes, 3 clusters; hash ….
      listener public  127.0.0.1:0                                                       2 routes
      route canary     *.shop.test any method /v2/orders/:id; header x-ring is "canary"  to orders (25%), canary (75%)
      route orders     GET, POST /v2/orders and below                                    to orders
      cluster orders   p2c                                                               http://127.0.0.1:3000
      cluster canary   p2c                                                               nobody answers
      cluster spare    p2c                                                               http://spare.test:80 (each address of the name)
    warning: no route leads to the cluster spare
    "
  `);
  const json: unknown = JSON.parse((await run('gateway', 'check', 'gateway.yaml', '--json')).out);
  expect(json).toMatchObject({ listeners: [{ name: 'public' }], warnings: ['no route leads to the cluster spare'] });
});

test('a wrong one is told with lines and columns, and ends with 1', async () => {
  await writeFile(
    join(cwd, 'gateway.yaml'),
    GATEWAY.replace('to: orders }', 'to: order }').replace('timeout', 'timeuot'),
  );
  const { code, out, err } = await run('gateway', 'check', 'gateway.yaml');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatchInlineSnapshot(`
    "fairlead gateway check: gateway.yaml has 2 problems:
      gateway.yaml:7:5: routes[0].timeuot: is no known key; did you mean "timeout"?
      gateway.yaml:9:75: routes[1].to: there is no cluster "order"; did you mean orders?
    "
  `);
  const problem: unknown = JSON.parse((await run('gateway', 'check', 'gateway.yaml', '--json')).err);
  expect(problem).toMatchObject({ code: 'SNAPSHOT_INVALID', problems: [{ line: 7, column: 5 }, { line: 9 }] });
  expect((await run('gateway', 'check', 'nowhere.yaml')).err).toContain("can't be read (ENOENT)");
});

test('a request is explained with the way that it takes, and those that it does not', async () => {
  const line = 'PUT http://eu.shop.test/v2/orders/7';
  const won = await run('route', 'explain', line, '-H', 'X-Ring: canary', '--config', 'gateway.yaml');
  expect({ code: won.code, err: won.err }).toEqual({ code: 0, err: '' });
  expect(won.out).toMatchInlineSnapshot(`
    "PUT eu.shop.test/v2/orders/7 at the listener public (127.0.0.1:0)
    goes by the route canary
      parameter  id = 7
      to         orders 25%, by p2c: http://127.0.0.1:3000
      to         canary 75%, by p2c: nobody answers
      policy     none
      limits     time 1500 ms, body 64 KiB

    Routes:
      canary  wins          *.shop.test any method /v2/orders/:id; header x-ring is "canary"
      orders  does not fit  the method is not GET or POST
    "
  `);
  for (const quoted of [`${line} -H X-Ring:canary`, `${line} -H "X-Ring: canary" --header 'accept: a b'`])
    expect((await run('route', 'explain', quoted, '--config', 'gateway.yaml')).out).toBe(won.out);
  const refused = await run('route', 'explain', line, '--header', 'x-ring: beta', '--config', 'gateway.yaml');
  expect(refused.code).toBe(1);
  expect(refused.out).toMatchInlineSnapshot(`
    "PUT eu.shop.test/v2/orders/7 at the listener public (127.0.0.1:0)
    is refused with 404 NO_ROUTE: no match fits.

    Routes:
      canary  does not fit  it does not hold that header x-ring is "canary"
      orders  does not fit  the method is not GET or POST
    "
  `);
  const json = await run('route', 'explain', '/v2/orders?x=1', '--config', 'gateway.yaml', '--json');
  expect(JSON.parse(json.out)).toMatchObject({
    request: { method: 'GET', query: '?x=1' },
    destiny: { route: 'orders' },
  });
});

test('claims, bodies and addresses can be given', async () => {
  const routes = `  - { name: gold, match: { claims: { plan: gold, 'org.id': 7 } }, to: c }
  - { name: refund, match: { body: { /type: refund } }, to: c }
  - { name: office, match: { client: 10.0.0.0/8 }, to: c }
`;
  await writeFile(
    join(cwd, 'late.yaml'),
    `listeners: [{ name: a, address: ':0' }, { name: b, address: ':0' }]
filters: [{ type: jwt, issuer: i, audience: a, jwks: 'https://keys.test' }]
clusters: { c: { endpoints: [] } }
routes:
${routes}`,
  );
  await writeFile(join(cwd, 'body.json'), '{ "type": "refund" }');
  const goes = async (...args: string[]): Promise<string> => {
    const { out } = await run('route', 'explain', 'POST /x', '--config', 'late.yaml', '--json', ...args);
    const { destiny } = JSON.parse(out) as { destiny: { route?: string; code?: string } };
    return destiny.route ?? destiny.code ?? '';
  };
  expect(await goes('--claim', 'plan=gold', '--claim', 'org={"id":7}')).toBe('gold');
  expect(await goes('--body', '@body.json')).toBe('refund');
  expect(await goes('--body', '{"type":"refund"}', '--listener', 'b')).toBe('refund');
  expect(await goes('--from', '10.1.2.3')).toBe('office');
  expect(await goes()).toBe('NO_ROUTE');
});

test('without a configuration and without a platform that runs there is nothing to explain', async () => {
  const { code, err } = await run('route', 'explain', '/orders');
  expect(code).toBe(1);
  expect(err).toContain('Start one with fairlead up, or name the configuration of a gateway with --config.');
});

test('a key that is made opens the filter that has its hash', async () => {
  const [first, second] = [await run('gateway', 'key'), await run('gateway', 'key', '--json')];
  expect(first.out).toMatch(/^key {3}[\w-]{32}\nhash {2}sha256:[0-9a-f]{64}\nThe key is shown this once\./);
  const { key, hash } = JSON.parse(second.out) as { key: string; hash: string };
  expect(first.out).not.toContain(key);
  await writeFile(
    join(cwd, 'keys.yaml'),
    GATEWAY.replace('routes:', `filters: [{ type: api-key, consumers: [{ name: ann, keys: ['${hash}'] }] }]\nroutes:`),
  );
  expect((await run('gateway', 'check', 'keys.yaml')).err).toBe('');
  await writeFile(
    join(cwd, 'keys.yaml'),
    GATEWAY.replace('routes:', `filters: [{ type: api-key, consumers: [{ name: ann, keys: ['${key}'] }] }]\nroutes:`),
  );
  expect((await run('gateway', 'check', 'keys.yaml')).err).toContain('write the hash');
});

test('a password is made or read, and the filter takes its hash', async () => {
  const made = await run('gateway', 'password');
  expect(made.out).toMatch(
    /^password {2}[\w-]{32}\nhash {6}\$scrypt\$ln=15,r=8,p=3\$\S+\nThe password is shown this once\./,
  );
  await writeFile(join(cwd, 'secret.txt'), 'open sesame\n');
  const read = await run('gateway', 'password', 'secret.txt', '--json');
  // `as`: what --json prints.
  const { hash, ...rest } = JSON.parse(read.out) as { hash: string };
  expect(rest).toEqual({});
  await writeFile(
    join(cwd, 'users.yaml'),
    GATEWAY.replace('routes:', `filters: [{ type: basic-auth, users: [{ name: ann, hash: '${hash}' }] }]\nroutes:`),
  );
  expect((await run('gateway', 'check', 'users.yaml')).err).toBe('');
  await writeFile(join(cwd, 'two.txt'), 'open\nsesame\n');
  expect((await run('gateway', 'password', 'two.txt')).err).toContain('as its only line');
  expect((await run('gateway', 'password', 'nowhere.txt')).err).toContain("nowhere.txt can't be read");
});

test('a wrong command line names itself', async () => {
  const wrong = async (...args: string[]) => (await run('route', 'explain', ...args, '--config', 'gateway.yaml')).err;
  expect(await wrong('/x', '-H', 'ring')).toContain("--header takes 'name: value'");
  expect(await wrong('/x', '--claim', 'gold')).toContain('--claim takes name=value');
  expect(await wrong('/x', '--body', '@nowhere')).toContain('--body names nowhere');
  expect(await wrong('GET /x now')).toContain('is no request');
  expect(await wrong('shop.test/x')).toContain('is neither a URL nor a path');
  expect(await wrong('/x', '--listener', 'publik')).toContain('There are: public');
  expect((await run('gateway', 'run', 'gateway.yaml', '--port', '65536')).err).toContain('--port takes a whole number');
  for (const admin of ['x', '1:2:3', '0.0.0.0:65536'])
    expect((await run('gateway', 'run', 'gateway.yaml', '--admin', admin)).err).toContain('--admin takes a port, or');
});
