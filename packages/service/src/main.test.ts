import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.ts');

async function start(env: Record<string, string>): Promise<{
  child: ChildProcess;
  path: string;
  output: () => string;
  exit: Promise<number | null>;
  closed: Promise<unknown>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'fl-'));
  const path = join(folder, 's.sock');
  const child = fork(MAIN, [], {
    execArgv: ['--conditions=@fairlead/source'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      FAIRLEAD_SERVICE_MODULE: join(import.meta.dirname, 'weather.fixture.ts'),
      FAIRLEAD_SERVICE_NAME: 'weather',
      FAIRLEAD_LISTEN: `unix:${path}`,
      ...env,
    },
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  // After the last output, which may come after the exit; never after a disconnect of ours.
  const closed = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
    await rm(folder, { recursive: true, force: true });
  });
  return { child, path, output: () => output, exit, closed };
}

const ready = (child: ChildProcess) => new Promise<unknown>((resolve) => child.once('message', resolve));

function get(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('the process tells its parent when it is ready, ignores Ctrl-C under it, and SIGTERM ends it with 0 and no socket left', async () => {
  const { child, path, exit } = await start({});
  expect(await ready(child)).toEqual({ type: 'ready', url: `unix:${path}` });
  expect(await get(path, '/health/ready')).toBe(200);
  child.kill('SIGINT');
  expect(await get(path, '/weather/rome')).toBe(200);
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a parent that goes away ends it', async () => {
  const { child, exit } = await start({});
  await ready(child);
  child.disconnect();
  expect(await exit).toBe(0);
});

test('everything that is wrong with its environment is told at once, and it ends with 1', async () => {
  const { exit, closed, output } = await start({
    FAIRLEAD_LISTEN: 'somewhere',
    FAIRLEAD_ENDPOINTS: '{"a":7}',
    FAIRLEAD_LOG_LEVEL: 'loud',
  });
  expect(await exit).toBe(1);
  await closed;
  expect(output()).toContain('weather: 3 problems with its configuration.');
  expect(output()).toContain('FAIRLEAD_LISTEN is "somewhere", but must be unix:/path/to.sock or tcp:host:port.');
});

test('a sampler that does not exist ends it, with the one that was meant', async () => {
  const { exit, closed, output } = await start({ OTEL_TRACES_SAMPLER: 'parentbased_alwayson' });
  expect(await exit).toBe(1);
  await closed;
  expect(output()).toContain('OTEL_TRACES_SAMPLER is "parentbased_alwayson". Did you mean "parentbased_always_on"?');
});

test('a module that is another service, or none, is refused by name', async () => {
  const other = await start({ FAIRLEAD_SERVICE_NAME: 'orders' });
  expect(await other.exit).toBe(1);
  await other.closed;
  expect(other.output()).toContain('is the service weather, not orders');
  const none = await start({ FAIRLEAD_SERVICE_MODULE: join(import.meta.dirname, 'errors.ts') });
  expect(await none.exit).toBe(1);
  await none.closed;
  expect(none.output()).toContain('is no service');
});
