import { resolve } from 'node:path';
import { openPlatformDatabases, type PlatformDatabases } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { loadPlatform } from '@fairlead/platform';
import { command, type Positional } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { toggle, type FlagTable } from '../flag.ts';
import { platformFlag } from '../platform-flag.ts';
import { dataDirFlag } from '../running.ts';
import { stopRequests } from '../stop-requests.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of every `db` command. */
interface DbFlags {
  readonly platform: string;
  readonly dataDir: string;
  readonly json: boolean;
}

const flags: FlagTable<DbFlags> = {
  platform: platformFlag,
  dataDir: dataDirFlag,
  json: toggle('print one JSON object'),
};

const one: Positional = { name: 'service', summary: 'a service with a database, or broker', required: true };
const maybe: Positional = { ...one, summary: `${one.summary}; all of them without it`, required: false };

/** Runs `work` with the platform's databases, which are closed again whatever happens; Ctrl-C ends it. */
async function withDatabases(
  terminal: Terminal,
  { platform, dataDir }: DbFlags,
  work: (databases: PlatformDatabases) => Promise<void>,
): Promise<number> {
  const model = await loadPlatform(resolve(terminal.cwd, platform));
  const stop = stopRequests(terminal.env, realClock());
  try {
    await using databases = await openPlatformDatabases(model, {
      dataDir: resolve(terminal.cwd, dataDir),
      postgresUrl: terminal.env['POSTGRES_URL'],
      signal: stop.first,
    });
    await work(databases);
    return 0;
  } finally {
    stop.dispose();
  }
}

const told = (terminal: Terminal, value: unknown): void => terminal.out(`${JSON.stringify(value)}\n`);

const create = command<DbFlags & { readonly resetPasswords: boolean }>({
  name: 'create',
  summary: 'Make the databases and roles that the blueprint means and the server lacks',
  flags: {
    ...flags,
    resetPasswords: toggle('give roles that are there new passwords: whoever used them from elsewhere is cut off'),
  },
  examples: ['fairlead db create', 'POSTGRES_URL=postgresql://admin:secret@db.example/postgres fairlead db create'],
  run: (terminal, given) =>
    withDatabases(terminal, given, async (databases) => {
      await databases.create({ resetPasswords: given.resetPasswords });
      if (given.json) told(terminal, { databases: databases.names });
      else
        terminal.out(`Databases: ${databases.names.join(', ')}. Each belongs to its own role and is migrated next.\n`);
    }),
});

const migrate = command<DbFlags>({
  name: 'migrate',
  summary: 'Apply the migrations that are missing, and say which',
  flags,
  positionals: [maybe],
  examples: ['fairlead db migrate', 'fairlead db migrate orders'],
  run: (terminal, given, [service]) =>
    withDatabases(terminal, given, async (databases) => {
      const migrated = await databases.migrate(service);
      if (given.json) return told(terminal, { databases: migrated });
      const rows = migrated.flatMap(({ name, applied, ahead }) => [
        ...applied.map((file) => [name, 'applied', file]),
        ...ahead.map((file) => [name, 'newer than this code', file]),
        ...(applied.length + ahead.length === 0 ? [[name, 'up to date', '']] : []),
      ]);
      terminal.out(`${table(rows).join('\n')}\n`);
    }),
});

const backup = command<DbFlags>({
  name: 'backup',
  summary: 'Write one database to a file, as it is at one moment; the platform may run',
  flags,
  positionals: [
    one,
    { name: 'file', summary: 'where to; without it <service>-<time>.backup in this folder', required: false },
  ],
  examples: ['fairlead db backup orders', 'fairlead db backup orders /var/backups/orders.backup'],
  run: (terminal, given, [service = '', file]) =>
    withDatabases(terminal, given, async (databases) => {
      const stamp = new Date(realClock().now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
      const path = resolve(terminal.cwd, file ?? `${service}-${stamp}.backup`);
      const { header, rows } = await databases.backup(service, path);
      const { takenAt } = header;
      if (given.json) told(terminal, { service, file: path, takenAt, rows, tables: header.tables.length });
      else
        terminal.out(
          `${service}: ${rows} rows of ${header.tables.length} tables, as of ${takenAt}, in ${path}. It holds the data in the clear.\n`,
        );
    }),
});

const restore = command<DbFlags>({
  name: 'restore',
  summary: "Put a backup in a database's place; the platform must be stopped",
  flags,
  positionals: [one, { name: 'file', summary: 'what fairlead db backup wrote', required: true }],
  examples: ['fairlead db restore orders orders-20260203T040506Z.backup'],
  run: (terminal, given, [service = '', file = '']) =>
    withDatabases(terminal, given, async (databases) => {
      const path = resolve(terminal.cwd, file);
      const { header, rows, kept, forgotten } = await databases.restore(service, path);
      const { takenAt } = header;
      if (given.json) {
        told(terminal, { service, file: path, takenAt, rows, kept, forgotten: Number(forgotten) });
        return;
      }
      terminal.out(
        `${service}: ${rows} rows of ${header.tables.length} tables, as of ${takenAt}. What was there is in the database ${kept}.\n`,
      );
      if (forgotten > 0n) {
        terminal.out(
          `Others have seen up to ${forgotten} events of ${service} that the backup does not know. They stay with those who saw them; new events come after them.\n`,
        );
      }
    }),
});

/** `fairlead db`: a platform's databases, whether it runs or not. */
export const db = commandGroup({
  name: 'db',
  summary: "Create, migrate, back up and restore the services' databases",
  commands: [create, migrate, backup, restore],
});
