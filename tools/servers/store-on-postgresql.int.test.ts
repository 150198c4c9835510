import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../repository.ts';
import { postgresql } from './postgresql.ts';
import { startServer, stopServer } from './running.ts';
import type { ServerKind } from './server.ts';

/** What these tests write may be lost with the machine. */
const FAST = ['fsync=off', 'full_page_writes=off', 'autovacuum=off'].flatMap((setting) => ['-c', setting]);
const unsafe: ServerKind = {
  ...postgresql,
  async prepare(place) {
    const launch = await postgresql.prepare(place);
    return { ...launch, commands: launch.commands.map((each) => ({ ...each, args: [...each.args, ...FAST] })) };
  },
};

/** Those that are of the embedded server, or of passwords that the system's server does not ask for. */
const NOT_HERE = '**/embedded/**';

test.skipIf(!postgresql.installed())(
  "all of the store's tests pass on the PostgreSQL of this system, which is another major version than the embedded one",
  { timeout: 1_800_000 },
  async ({ signal }) => {
    const dir = mkdtempSync(join(tmpdir(), 'fairlead-store-on-'));
    const options = { dir, cacheDir: join(dir, 'cache') };
    try {
      const server = await startServer(unsafe, options);
      if (server.state !== 'up') throw new Error(`The server did not start: ${JSON.stringify(server)}`);
      console.info(server.greeting);
      const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
      const child = spawn(process.execPath, [vitest, 'run', 'packages/store', '--exclude', NOT_HERE], {
        cwd: ROOT,
        // Without the run that this one is part of: its server and its choice of tests.
        env: { ...withoutRun(process.env), FAIRLEAD_TEST_POSTGRES_URL: server.url },
        stdio: ['ignore', 'pipe', 'pipe'],
        signal,
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (part: string) => (said += part));
      const [code] = await once(child, 'close');
      expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
    } finally {
      await stopServer(unsafe, options);
      rmSync(dir, { recursive: true, force: true });
    }
  },
);

function withoutRun(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('FAIRLEAD_TEST') && !name.startsWith('VITEST')),
  );
}
