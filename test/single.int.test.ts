import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from '@fairlead/control';
import { expect, test } from 'vitest';
import { nothingRuns, yard, type Said, type Yard } from './bad-input/fairlead.ts';
import { eventually } from './shop/customer.ts';

const STUCK = "services: { pong: '~/stuck.ts' }";
const WITHIN_MS = 60_000;

interface Instance {
  readonly name: string;
  readonly kind: string;
  readonly pid: number;
  readonly started: string;
  readonly state: string;
}

/** `up --topology single` in a yard. */
interface Single {
  readonly ended: Promise<Said>;
  /** Ctrl-C. */
  interrupt(): void;
  /** Resolves when it says that it stops. */
  readonly stopping: Promise<void>;
  readonly instances: readonly Instance[];
}

async function single(at: Yard): Promise<Single> {
  const pid = Promise.withResolvers<number>();
  const stopping = Promise.withResolvers<void>();
  const ended = at.up({
    flags: ['--topology', 'single'],
    onStart: pid.resolve,
    onLine(line) {
      if (line.includes('"event":"stopping"')) stopping.resolve();
      return false;
    },
  });
  const up = await pid.promise;
  const instances = await eventually(
    async () => {
      const { out } = await at.run(['status', '--json', '--data-dir', at.dataDir]);
      const { services } = JSON.parse(out) as { services: Instance[] };
      const ready = services.some(({ name, state }) => name === 'gateway' && state === 'ready');
      return ready ? services : undefined;
    },
    'the platform to be ready',
    WITHIN_MS,
  );
  return { ended, interrupt: () => process.kill(up, 'SIGINT'), stopping: stopping.promise, instances };
}

const logOf = (at: Yard): Promise<string> => readFile(join(at.dataDir, 'logs', 'pong.log'), 'utf8').catch(() => '');
const said = (at: Yard, what: string): Promise<true> =>
  eventually(async () => (await logOf(at)).includes(what) || undefined, `the log to say ${what}`, WITHIN_MS);

const alive = async (instances: readonly Instance[]): Promise<readonly string[]> => {
  const running = await Promise.all(instances.map((instance) => isRunning(instance)));
  return instances.filter((_, index) => running[index]).map(({ name }) => name);
};

test('a second Ctrl-C ends one process with all services at once, whatever they are doing, and leaves nothing', async () => {
  await using at = await yard(STUCK);
  const up = await single(at);
  const call = at.run(['call', 'pong.ask', '{}', '--timeout', '60s', '--data-dir', at.dataDir]);
  await said(at, 'Began.');
  up.interrupt();
  await up.stopping;
  up.interrupt();
  expect(await up.ended).toMatchObject({ code: 130, err: '' });
  // A drain that runs out of grace asks the handler to end. Nobody has waited for that.
  expect(await logOf(at)).not.toContain('Asked to end.');
  await nothingRuns(at);
  expect(up.instances.map(({ kind }) => kind)).toContain('database');
  expect(await alive(up.instances)).toEqual([]);
  expect((await call).code).toBe(4);
});

test('down ends one process with all services as it ends any platform: a handler that does not end is cut', async () => {
  await using at = await yard(STUCK);
  const up = await single(at);
  const call = at.run(['call', 'pong.ask', '{}', '--timeout', '60s', '--data-dir', at.dataDir]);
  await said(at, 'Began.');
  expect(await at.run(['down', '--data-dir', at.dataDir])).toMatchObject({ code: 0, out: 'Stopped.\n' });
  expect(await up.ended).toMatchObject({ code: 0, err: '' });
  expect(await logOf(at)).toContain('Asked to end.');
  await nothingRuns(at);
  expect(await alive(up.instances)).toEqual([]);
  expect((await call).code).toBe(4);
  expect(await at.run(['down', '--data-dir', at.dataDir])).toMatchObject({ code: 0, out: 'Nothing ran here.\n' });
});

test('down ends what a killed process with all services has left: its database', async () => {
  await using at = await yard(STUCK);
  const up = await single(at);
  const [pid = 0] = up.instances.filter(({ kind }) => kind === 'gateway').map((instance) => instance.pid);
  process.kill(pid, 'SIGKILL');
  await up.ended;
  expect((await at.run(['down', '--data-dir', at.dataDir])).out).toBe(
    'Ended what a killed supervisor had left: postgres.\n',
  );
  expect(await alive(up.instances)).toEqual([]);
  expect(await readdir(at.dataDir)).not.toContain('lock');
});

test('trace shows a call through one process with all services, and lists it', async () => {
  await using at = await yard("services: { ping: '~/ping.ts', pong: '~/pong.ts' }");
  const up = await single(at);
  const called = await at.run(['call', 'ping.ask', '{}', '--json', '--data-dir', at.dataDir]);
  expect(called.code).toBe(0);
  const { traceId } = JSON.parse(called.out) as { traceId: string };
  const tree = await eventually(
    async () => {
      const { code, out } = await at.run(['trace', traceId, '--data-dir', at.dataDir]);
      return code === 0 && /ping[^]*pong/.test(out) ? out : undefined;
    },
    'the spans of both services',
    WITHIN_MS,
  );
  expect(tree).toContain('ask');
  expect((await at.run(['trace', '--data-dir', at.dataDir])).out).toContain(traceId);
  up.interrupt();
  expect(await up.ended).toMatchObject({ code: 0 });
});
