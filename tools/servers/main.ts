// `npm run servers -- install|up|down|status [name …] [--json] [--dir folder]`: real servers on loopback for tests and benches.

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../repository.ts';
import { installMissing } from './install.ts';
import { SERVER_KINDS } from './kinds.ts';
import { serverState, startServer, stopServer, type ServersOptions, type ServerState } from './running.ts';
import type { ServerKind } from './server.ts';

const USAGE = `usage: npm run servers -- install|up|down|status [name …] [--json] [--dir folder]
servers: ${SERVER_KINDS.map((kind) => kind.name).join(', ')}`;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      dir: { type: 'string', default: join(ROOT, '.cache/servers') },
    },
  });
  const [verb, ...names] = positionals;
  const kinds = select(names);
  const options: ServersOptions = { dir: resolve(values.dir), cacheDir: join(ROOT, '.cache/downloads') };
  if (verb === 'install') return skipped(installMissing(kinds));
  if (verb === 'up') return up(kinds, options, values.json);
  if (verb === 'status') return show(await Promise.all(kinds.map((kind) => serverState(kind, options))), values.json);
  if (verb !== 'down') throw new Error(verb === undefined ? 'what should they do?' : `there is no command "${verb}"`);
  await Promise.all(kinds.map((kind) => stopServer(kind, options)));
  return show(
    kinds.map((kind) => ({ name: kind.name, state: 'down' })),
    values.json,
  );
}

async function up(kinds: readonly ServerKind[], options: ServersOptions, json: boolean): Promise<number> {
  const missing = installMissing(kinds);
  const states = await Promise.all(
    kinds.map((kind): Promise<ServerState> => {
      const reason = missing.get(kind.name);
      return reason === undefined
        ? startServer(kind, options)
        : Promise.resolve({ name: kind.name, state: 'unavailable', reason });
    }),
  );
  show(states, json);
  const unavailable = states.filter((each) => each.state === 'unavailable');
  return skipped(new Map(unavailable.map(({ name, reason }) => [name, reason])));
}

/** Tells why servers can't be had. On a laptop tests skip what isn't there; in CI everything must be there. */
function skipped(reasons: ReadonlyMap<string, string>): number {
  for (const [name, reason] of reasons) console.error(`SKIPPED ${name}: ${reason}`);
  return reasons.size > 0 && process.env['CI'] === 'true' ? 1 : 0;
}

function select(names: readonly string[]): readonly ServerKind[] {
  if (names.length === 0) return SERVER_KINDS;
  return names.map((name) => {
    const kind = SERVER_KINDS.find((each) => each.name === name);
    if (kind === undefined) throw new Error(`there is no server "${name}"`);
    return kind;
  });
}

function show(states: readonly ServerState[], json: boolean): number {
  if (json) console.log(JSON.stringify({ servers: states }));
  else for (const each of states) console.log(row(each));
  return 0;
}

function row(each: ServerState): string {
  const where = each.state === 'up' ? `${each.url}  (pid ${each.pid})` : '';
  return `${each.name.padEnd(12)}${each.state.padEnd(13)}${where}`.trimEnd();
}
