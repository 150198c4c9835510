import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { yard, type Yard } from './bad-input/fairlead.ts';
import { eventually } from './shop/customer.ts';

const WORD = 'correct-horse-battery';
const PASSWORD = 'p4ss/w0rd+of=nobody';
const URL_ = `postgresql://reader:${encodeURIComponent(PASSWORD)}@db.example/warehouse`;
const LINES = ['-----BEGIN KEY-----', 'MIIBVgIBADANBgkq"hki', 'G9w0BAQEFAASCAUAw', '-----END KEY-----'];
/** Each secret, and every piece of it that would do to know it. */
const PIECES = [WORD, PASSWORD, encodeURIComponent(PASSWORD), LINES[1] ?? '', LINES[2] ?? ''];
const WITHIN_MS = 60_000;

interface Instance {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
}

async function statusOf(at: Yard): Promise<readonly Instance[]> {
  const { out } = await at.run(['status', '--json', '--data-dir', at.dataDir]);
  return (JSON.parse(out) as { services: Instance[] }).services;
}

/** Runs a service that tells its secrets in every way it can; what could be read anywhere afterwards, by its place. */
async function everythingSaid(at: Yard, topology: string): Promise<ReadonlyMap<string, string>> {
  const said = new Map<string, string>();
  const file = join(at.dataDir, '..', 'lines.pem');
  await writeFile(file, LINES.join('\n'), { mode: 0o600 });
  const over = new AbortController();
  const up = at.up({
    env: { LEAKY_WORD: WORD, LEAKY_URL: URL_, LEAKY_LINES_FILE: file },
    flags: ['--topology', topology, '--verbose'],
    signal: over.signal,
  });
  let ended: unknown;
  void up.then((how) => (ended = how));
  const ready = async (restarts: number): Promise<true | undefined> => {
    expect(ended, 'up runs').toBe(undefined);
    const status = await statusOf(at);
    const up = (name: string): boolean => status.some((each) => each.name === name && each.state === 'ready');
    const again = status.some((each) => each.name === 'leaky' && each.restarts >= restarts);
    return (up('leaky') && up('gateway') && again) || undefined;
  };
  await eventually(() => ready(0), 'the platform to be ready', WITHIN_MS);
  const ask = async (...args: string[]): Promise<void> => {
    const { code, out, err } = await at.run([...args, '--data-dir', at.dataDir]);
    said.set(`fairlead ${args.join(' ')} (${code})`, out + err);
  };
  // What one process with everything prints goes to the terminal of `up` as it is: nobody stands between.
  const ways = ['log', 'throw', 'declare', ...(topology === 'single' ? [] : ['print'])];
  for (const how of ways) {
    for (const flags of [[], ['--json']]) await ask('call', 'leaky.tell', JSON.stringify({ how }), ...flags);
  }
  if (topology === 'processes') {
    await ask('call', 'leaky.tell', '{"how":"crash"}');
    await eventually(() => ready(1), 'the service to run again', WITHIN_MS);
  }
  const traced = async (): Promise<readonly string[]> => {
    const { out } = await at.run(['trace', '--json', '--data-dir', at.dataDir]);
    return (JSON.parse(out) as { traces: { traceId: string }[] }).traces.map(({ traceId }) => traceId);
  };
  const ids = await eventually(
    async () => ((await traced()).length >= 2 * ways.length ? traced() : undefined),
    'the traces of the calls',
    WITHIN_MS,
  );
  for (const id of ids) for (const flags of [[], ['--json']]) await ask('trace', id, ...flags);
  for (const command of [['status'], ['status', '--json'], ['logs'], ['logs', 'leaky'], ['trace'], ['dlq', 'list']])
    await ask(...command);
  for (const { name, pid } of await statusOf(at)) {
    for (const what of ['environ', 'cmdline']) {
      // In one process with everything, the environment is that of the command, as somebody gave it.
      if (topology === 'single' || !existsSync(`/proc/${pid}`)) continue;
      said.set(`${name} ${what}`, (await readFile(`/proc/${pid}/${what}`, 'latin1')).replaceAll('\0', '\n'));
    }
  }
  said.set('state.json', await readFile(join(at.dataDir, 'state.json'), 'utf8'));
  over.abort();
  const { code, out, err } = await up;
  expect(code).toBe(0);
  said.set('up: standard output', out);
  said.set('up: standard error', err);
  for (const name of await readdir(join(at.dataDir, 'logs')))
    said.set(`logs/${name}`, await readFile(join(at.dataDir, 'logs', name), 'utf8'));
  return said;
}

/** What a service answers is its own word, a declared error's message included. What is recorded of it is not. */
const ownAnswer = (where: string): boolean => where.startsWith('fairlead call') && where.includes('declare');

const leaksIn = (said: ReadonlyMap<string, string>): readonly string[] =>
  [...said].flatMap(([where, text]) =>
    PIECES.filter((piece) => text.includes(piece)).map((piece) => `${piece} in ${where}`),
  );

test.each(['processes', 'single'])(
  'no value that a service declares as secret is in a log, a status, an error, a trace or an environment (%s)',
  async (topology) => {
    await using at = await yard("services: { leaky: '~/leaky.ts' }");
    const said = await everythingSaid(at, topology);
    expect(said.size).toBeGreaterThan(20);
    // It did tell, and what it told is there without them.
    expect(said.get('logs/leaky.log')).toMatch(/told: \[redacted\]/);
    expect(leaksIn(new Map([...said].filter(([where]) => !ownAnswer(where))))).toEqual([]);
  },
);

test('a service that can not start for what its secret is does not say it either', async () => {
  await using at = await yard("services: { leaky: '~/leaky-start.ts' }");
  const { code, out, err } = await at.up({ env: { LEAKY_WORD: WORD } });
  expect(code).toBe(1);
  expect(err).toContain('leaky keeps ending');
  const log = await readFile(join(at.dataDir, 'logs', 'leaky.log'), 'utf8');
  expect(log).toContain('can not begin with');
  expect(leaksIn(new Map(Object.entries({ out, err, log })))).toEqual([]);
});
