import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { gatewayAtTest } from './gateway-at-test.ts';
import { failed, passed, skipped, type Case } from './suite.ts';

/** A test as its suite has it; what is not said of its kind is required. */
export interface CacheTest {
  readonly id: string;
  readonly kind?: 'required' | 'optimal' | 'check';
  readonly browser_only?: boolean;
  readonly depends_on?: readonly string[];
}

/** What a client says of each: true, or an error's name and message. */
export type CacheResults = Readonly<Record<string, true | readonly [name: string, message: string]>>;

/**
 * What http-tests/cache-tests says of the filter `cache`, in a copy at `path` whose dependencies are installed. Its own server stands
 * behind the gateway, its own client before it. Nothing is cached that doesn't say so; stale answers may stand in for failures,
 * without which what forbids that couldn't be looked at.
 */
export async function cacheTests(path: string): Promise<readonly Case[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-cache-tests-'));
  const port = await freePort();
  const script = (...parts: string[]) => join(path, 'test-engine', ...parts);
  const server = spawn(process.execPath, [script('server', 'server.mjs')], {
    cwd: path,
    stdio: 'ignore',
    env: {
      ...process.env,
      npm_config_protocol: 'http',
      npm_config_port: String(port),
      npm_config_pidfile: join(folder, 'pid'),
    },
  });
  try {
    await listening(port);
    await using gateway = await gatewayAtTest({
      routes: [{ name: 'all', to: 'origin', timeout: '30s', filters: [{ type: 'cache', staleIfError: '1h' }] }],
      clusters: { origin: { endpoints: [`http://127.0.0.1:${port}`] } },
    });
    const client = spawn(process.execPath, ['--no-warnings', script('cli.mjs')], {
      cwd: path,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...process.env,
        npm_config_base: `http://127.0.0.1:${gateway.port}`,
        npm_config_id: '',
        npm_package_config_id: '',
      },
    });
    let text = '';
    client.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    await once(client, 'close');
    // `as`: the suite's own lists, read as its own client reads them.
    const { default: suites } = (await import(pathToFileURL(join(path, 'tests', 'index.mjs')).href)) as {
      default: readonly { readonly tests: readonly CacheTest[] }[];
    };
    // `as`: the client's own output.
    const results = JSON.parse(text.slice(text.indexOf('{'))) as CacheResults;
    return cacheCases(
      suites.flatMap(({ tests }) => tests),
      results,
    );
  } finally {
    server.kill();
    await once(server, 'close');
    await rm(folder, { recursive: true });
  }
}

/**
 * What is required of a cache that is no browser passes or fails, as the suite counts it: also for the failure of what it depends on.
 * What is only wished for or looked at is told in one case of each kind.
 */
export function cacheCases(tests: readonly CacheTest[], results: CacheResults): readonly Case[] {
  const byId = new Map(tests.map((each) => [each.id, each]));
  const why = ({ id, depends_on: needed = [] }: CacheTest): string | undefined => {
    const result = results[id];
    if (result === undefined) return 'was not run';
    const missing = needed.find((each) => {
      const test = byId.get(each);
      return test === undefined || why(test) !== undefined;
    });
    if (missing !== undefined) return `depends on ${missing}`;
    return result === true ? undefined : result.join(': ');
  };
  const meant = tests.filter((each) => each.browser_only !== true);
  const isRequired = ({ kind = 'required' }: CacheTest) => kind === 'required';
  const cases = meant.filter(isRequired).map((each) => {
    const fault = why(each);
    return fault === undefined ? passed(each.id) : failed(each.id, fault);
  });
  const others = (['optimal', 'check'] as const).map((kind) => {
    const of = meant.filter((each) => each.kind === kind);
    const no = of.filter((each) => why(each) !== undefined);
    return skipped(`${kind}: ${of.length - no.length} of ${of.length}`, `not: ${no.map(({ id }) => id).join(', ')}`);
  });
  return [...cases, ...others];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // `as`: a TCP server's address is an object once it listens.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect({ port, host: '127.0.0.1' });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error('the server of cache-tests does not listen; are its dependencies installed?');
}
