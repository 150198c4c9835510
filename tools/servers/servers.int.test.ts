import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../repository.ts';
import { SERVER_KINDS } from './kinds.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import type { ServerState } from './running.ts';

/** Packages are read as they are written. */
const SOURCE = '--conditions=@fairlead/source';

const GREETINGS: Record<string, RegExp> = {
  postgresql: /^server_version \d+/,
  redis: /^\+PONG$/,
  rabbitmq: /^connection\.start$/,
  nats: /^PONG$/,
  kafka: /^ApiVersions: \d+ keys$/,
  nginx: /^HTTP\/1\.1 200 OK/,
  haproxy: /^HTTP\/1\.1 200 OK/,
  pebble: /^newOrder$/,
  chromium: /^"Browser": "/,
};

function servers(
  verb: string,
  dir: string,
  env: Record<string, string> = {},
): { states: ServerState[]; said: string; code: number | null } {
  const ended = spawnSync(
    process.execPath,
    [SOURCE, join(ROOT, 'tools/servers/main.ts'), verb, '--json', '--dir', dir],
    {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    },
  );
  if (ended.stdout === '') throw new Error(`servers ${verb} ended with ${ended.status}: ${ended.stderr}`);
  // The command's own --json output.
  const parsed = JSON.parse(ended.stdout) as { servers: ServerState[] };
  return { states: parsed.servers, said: ended.stderr, code: ended.status };
}

test('every server comes up on loopback, answers its own protocol, and leaves nothing behind', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-servers-'));
  try {
    const { states, said, code } = servers('up', dir);
    if (process.env['CI'] === 'true') expect({ said, code }).toEqual({ said: '', code: 0 });
    const up = states.filter((each) => each.state === 'up');
    expect(states.map((each) => each.name)).toEqual(SERVER_KINDS.map((kind) => kind.name));
    for (const each of up) {
      expect(new URL(each.url).hostname).toBe('127.0.0.1');
      const kind = SERVER_KINDS.find((known) => known.name === each.name);
      expect(await kind?.greet(each.url, 5_000)).toMatch(GREETINGS[each.name]!);
    }
    const processes = up.flatMap((each) => {
      const saved = readFileSync(join(dir, each.name, 'state.json'), 'utf8');
      return (JSON.parse(saved) as { processes: ProcessIdentity[] }).processes;
    });
    expect(processes.every(isAlive)).toBe(true);

    expect(servers('up', dir).states).toEqual(states);
    expect(servers('status', dir).states.filter((each) => each.state === 'up')).toEqual(up);

    servers('down', dir);
    expect(processes.filter(isAlive)).toEqual([]);
    for (const each of up) expect(existsSync(join(dir, each.name))).toBe(false);
    expect(servers('status', dir).states.every((each) => each.state === 'down')).toBe(true);
  } finally {
    servers('down', dir);
    rmSync(dir, { recursive: true, force: true });
  }
});
