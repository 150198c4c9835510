import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../repository.ts';
import { postgresqlRelease } from './postgresql-release.ts';
import { postgresql } from './postgresql.ts';
import { canHave } from './real-server.ts';
import { startServer, stopServer } from './running.ts';
import type { ServerKind } from './server.ts';

/** What these tests write may be lost with the machine. */
const FAST = ['fsync=off', 'full_page_writes=off', 'autovacuum=off'].flatMap((setting) => ['-c', setting]);
const unsafe = (kind: ServerKind): ServerKind => ({
  ...kind,
  async prepare(place) {
    const launch = await kind.prepare(place);
    return { ...launch, commands: launch.commands.map((each) => ({ ...each, args: [...each.args, ...FAST] })) };
  },
});

const STORE = 'packages/store/src';
/** Everything but what is of the embedded server, or of passwords that these servers don't ask for. */
const ALL = readdirSync(join(ROOT, STORE))
  .filter((name) => name !== 'embedded' && name !== 'pglite')
  .map((name) => `${STORE}/${name}`);
/** What there is in SQL: migrations, transactions and the primitives, without what a driver could do wrong. */
const PRIMITIVES = [
  'autocommit',
  'doc/docs',
  'job/jobs-postgres',
  'job/job-claims',
  'job/crowded-claims',
  'job/job-admin',
  'lease/leases-postgres',
  'log/log.test',
  'log/log-reader',
  'log/log-epoch',
  'migrate/migrate',
  'postgres/postgres-tx',
  'subscription/subscription-tenancy',
].map((name) => `${STORE}/${name}`);
/** What runs on a database of its own says the same beside any server. */
const ON_POSTGRES = ['-t', '^(?!.*PGlite)'];

const OLDER = [
  [postgresql, [...ALL, ...ON_POSTGRES]],
  [postgresqlRelease(16), [...PRIMITIVES, ...ON_POSTGRES]],
  [postgresqlRelease(17), [...PRIMITIVES, ...ON_POSTGRES]],
] as const;

test.for(OLDER.map(([kind, tests]) => ({ name: kind.name, kind, tests })))(
  "the store's tests pass on $name, which is another major version than the embedded one",
  { timeout: 1_800_000 },
  async ({ kind, tests }, { signal, skip }) => {
    skip(!canHave(kind));
    const dir = mkdtempSync(join(tmpdir(), 'fairlead-store-on-'));
    const options = { dir, cacheDir: join(ROOT, '.cache/downloads') };
    const server = unsafe(kind);
    try {
      const state = await startServer(server, options);
      if (state.state !== 'up') throw new Error(`The server did not start: ${JSON.stringify(state)}`);
      console.info(state.greeting);
      const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
      const child = spawn(process.execPath, [vitest, 'run', ...tests], {
        cwd: ROOT,
        // Without the run that this one is part of: its server and its choice of tests.
        env: { ...withoutRun(process.env), FAIRLEAD_TEST_POSTGRES_URL: state.url },
        stdio: ['ignore', 'pipe', 'pipe'],
        signal,
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (part: string) => (said += part));
      const [code] = await once(child, 'close');
      expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
    } finally {
      await stopServer(server, options);
      rmSync(dir, { recursive: true, force: true });
    }
  },
);

function withoutRun(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('FAIRLEAD_TEST') && !name.startsWith('VITEST')),
  );
}
