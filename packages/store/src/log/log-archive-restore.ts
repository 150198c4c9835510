import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { readArchiveFile } from './archive-file.ts';
import { ARCHIVED, archiveFiles, type ArchiveHeader } from './log-archive.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';

/** What is brought back. */
export interface ArchiveRestoreOptions {
  /** Where `archiveLog` has written to. */
  readonly directory: string;
  readonly service: string;
  /** Events above this position. Default 0: all of them. Whole files are restored. */
  readonly after?: bigint;
}

/** What came of it. */
export interface ArchiveRestoreResult {
  readonly events: number;
  /** The log now begins above this position. */
  readonly after: bigint;
}

/** Lines are inserted in parts of about this size, in characters. */
const PART = 512 * 1024;

/**
 * Puts archived events back where they were trimmed and not kept, with their positions, versions and times: the newest first, a file in a
 * transaction, so that the log begins earlier with each and a run that was cut off is simply repeated. A log that never had
 * an event is given the whole archive, its positions and its epoch; that needs the owner's credentials.
 *
 * `database` is opened with `transactionTimeoutMs: 0`.
 * @throws ARCHIVE_INVALID; ARCHIVE_MISMATCH when the archive ends before the log begins
 */
export async function restoreLogArchive(
  ctx: Context,
  database: Database,
  { directory, service, after = 0n }: ArchiveRestoreOptions,
): Promise<ArchiveRestoreResult> {
  const whole = acrossTenants(database);
  const files = await archiveFiles(directory, service);
  const newest = files.at(-1)?.header;
  if (newest !== undefined) await whole.tx(ctx, (tx) => adoptWhenNew(tx, newest));
  let events = 0;
  let begins = await whole.tx(ctx, trimmedThrough);
  if (newest !== undefined && BigInt(newest.through) < begins) {
    throw fail(
      'ARCHIVE_MISMATCH',
      `${whole.name}: the log begins above position ${begins}, and the archive in ${directory} ends at ${newest.through}. What is between them is in neither; nothing was restored.`,
    );
  }
  for (const { path, header } of files.toReversed()) {
    if (BigInt(header.after) >= begins || begins <= after) continue;
    events += await whole.tx(ctx, async (tx) => {
      const through = await trimmedThrough(tx);
      const count = await fill(tx, path, header, through);
      await tx.query('update fairlead_log_trim set through = $1', [header.after]);
      return count;
    });
    begins = BigInt(header.after);
  }
  return { events, after: begins };
}

async function trimmedThrough(tx: Tx): Promise<bigint> {
  const { rows } = await tx.query<{ through: string }>(
    'select through::text as through from fairlead_log_trim for update',
  );
  return BigInt(rows[0]?.through ?? 0);
}

/** A log that never had an event becomes the archived one, trimmed to its end. */
async function adoptWhenNew(tx: Tx, newest: ArchiveHeader): Promise<void> {
  const through = await trimmedThrough(tx);
  const { rows } = await tx.query<{ used: boolean }>(
    'select is_called or exists (select from fairlead_log) as used from fairlead_log_position',
  );
  if (through > 0n || rows[0]?.used !== false) return;
  await tx.query('update fairlead_log_trim set through = $1', [newest.through]);
  await tx.query(`select setval('fairlead_log_position', $1::text::bigint)`, [newest.through]);
  await tx.query('delete from fairlead_log_epoch');
  await tx.query('insert into fairlead_log_epoch (epoch, began_after) values ($1, 0)', [newest.epoch]);
}

async function fill(tx: Tx, path: string, header: ArchiveHeader, through: bigint): Promise<number> {
  const columns = header.columns.map((column) => {
    if (column in ARCHIVED) return column as keyof typeof ARCHIVED;
    throw fail(
      'ARCHIVE_INVALID',
      `${path} has a column "${column}" that this release does not know. Use the one that wrote it.`,
    );
  });
  const values = columns.map((column, index) => `(e.value->>${index})::${ARCHIVED[column]}`).join(', ');
  const text = `insert into fairlead_log (${columns.join(', ')})
    select ${values} from json_array_elements($1::text::json) with ordinality e (value, ordinal)
     where (e.value->>${columns.indexOf('position')})::bigint <= $2 order by e.ordinal
     on conflict (position) do nothing`;
  let events = 0;
  let part: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (part.length > 0) events += (await tx.query(text, [`[${part.join(',')}]`, through.toString()])).rowCount;
    part = [];
    size = 0;
  };
  for await (const line of readArchiveFile(path)) {
    part.push(line);
    size += line.length;
    if (size >= PART) await flush();
  }
  await flush();
  // Streams of a log that is new here have no heads yet; others are further on.
  await tx.query(
    `insert into fairlead_stream as s (stream, version)
       select l.stream, max(l.version) from fairlead_log l where l.position > $1 and l.position <= $2 group by 1 order by 1
     on conflict (stream) do update set version = excluded.version where s.version < excluded.version`,
    [header.after, header.through],
  );
  return events;
}
