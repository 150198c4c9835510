import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { fail } from '../errors.ts';
import { checkArchiveFile, writeArchiveFile } from './archive-file.ts';
import { epochAt, logEpoch, readerRefusal } from './log-epoch.ts';
import { SettledPositions } from './settled-positions.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';

/** The version of the files below. One of another is refused. */
const FORMAT = 1;
const KIND = 'log-archive';

/** What is archived, and where to. */
export interface ArchiveOptions {
  /** A directory for the archive of this log alone; made when missing. */
  readonly directory: string;
  /** Whose log it is; a restore asks for the same name. */
  readonly service: string;
  /** Events up to this position. Default: the log's end. */
  readonly through?: bigint | undefined;
  /** Events in one file at most. Default 100 000; at least 1. */
  readonly eventsPerFile?: number;
}

/** What came of archiving. */
export interface ArchiveResult {
  /** Files that were written now. */
  readonly files: readonly string[];
  readonly events: number;
  /** The archive holds everything up to this position that was not trimmed before it began: a cursor for `trimLog`. */
  readonly through: bigint;
}

/** The first line of a file. */
export interface ArchiveHeader {
  readonly fairlead: typeof KIND;
  readonly format: typeof FORMAT;
  readonly service: string;
  /** The log's epoch when it was written. */
  readonly epoch: string;
  /** It holds every event above this position … */
  readonly after: string;
  /** … up to this one. */
  readonly through: string;
  /** What a line is: an array of texts and nulls, one for each of these. */
  readonly columns: readonly string[];
}

/** The log's columns, as they are archived: whatever the server's settings, the same text. */
export const ARCHIVED = {
  position: 'bigint',
  stream: 'text',
  version: 'bigint',
  id: 'text',
  type: 'text',
  schema_version: 'integer',
  key: 'text',
  data: 'json',
  time: 'timestamptz',
  tenant: 'text',
  subject: 'text',
  traceparent: 'text',
  correlation_id: 'text',
  causation_id: 'text',
  criticality: 'text',
  sealed: 'text',
  private: 'boolean',
} as const;

const TEXTS = Object.keys(ARCHIVED).map((column) =>
  column === 'time' ? `to_char(l.time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')` : `l.${column}::text`,
);
const PAGE = 500;
const READ = `select l.position, to_json(array[${TEXTS.join(', ')}])::text as line from fairlead_log l
  where l.position > $1 and l.position <= $2 and (select fairlead_log_check($4::bigint, $1::bigint)) order by l.position limit $3`;
/** How long archiving waits for writers that may still fill a gap; what is above the gap is for the next time. */
const SETTLE_MS = 5_000;

/**
 * Writes the events that the archive lacks to files, in the order of positions. Each file is there as a whole or not at all,
 * so after a crash the next run goes on where this one stopped; a run with nothing new writes none. Sealed data stays sealed.
 * @throws LOG_TRIMMED when events were trimmed before they were archived; LOG_EPOCH_CHANGED when the log was replaced from a
 *   backup and the archive knows events that it lacks (archive it to another directory then); ARCHIVE_INVALID
 */
export async function archiveLog(ctx: Context, database: Database, options: ArchiveOptions): Promise<ArchiveResult> {
  const whole = acrossTenants(database);
  const { directory, service, eventsPerFile = 100_000 } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const archived = (await archiveFiles(directory, service)).at(-1)?.header;
  let after = archived === undefined ? await beginning(ctx, whole) : BigInt(archived.through);
  const epoch =
    archived === undefined
      ? await logEpoch(ctx, whole)
      : await epochAt(ctx, whole, { position: after, epoch: archived.epoch });
  const end = await settledEnd(ctx, whole, options.through);
  const files: string[] = [];
  let events = 0;
  while (after < end) {
    const through = await lastOf(ctx, whole, after, end, eventsPerFile);
    if (through === undefined) break;
    const file = join(directory, fileName(after, through));
    const header: ArchiveHeader = {
      fairlead: KIND,
      format: FORMAT,
      service,
      epoch,
      after: after.toString(),
      through: through.toString(),
      columns: Object.keys(ARCHIVED),
    };
    await writeArchiveFile(file, header, async (line) => {
      for (let at = after; at < through;) {
        const rows = await page(ctx, whole, at, through, epoch);
        for (const row of rows) await line(row.line);
        events += rows.length;
        at = BigInt(rows.at(-1)?.position ?? through);
      }
    });
    files.push(file);
    after = through;
  }
  return { files, events, through: after };
}

/**
 * The archive's files with their headers, in the order of positions.
 * @throws ARCHIVE_INVALID when one is damaged, of another service, or does not begin where the one before it ends
 */
export async function archiveFiles(
  directory: string,
  service: string,
): Promise<readonly { readonly path: string; readonly header: ArchiveHeader }[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.log.gz')).toSorted();
  const files: { path: string; header: ArchiveHeader }[] = [];
  for (const name of names) {
    const path = join(directory, name);
    // Written by archiveLog, as its kind and its checksum say.
    const header = (await checkArchiveFile(path, KIND, FORMAT)) as unknown as ArchiveHeader;
    if (header.service !== service)
      throw fail('ARCHIVE_INVALID', `${path} is of the log of "${header.service}", not of "${service}".`);
    const before = files.at(-1);
    if (before !== undefined && before.header.through !== header.after)
      throw fail(
        'ARCHIVE_INVALID',
        `${path} begins after position ${header.after}, but the file before it ends at ${before.header.through}. A file is missing: put it back.`,
      );
    files.push({ path, header });
  }
  return files;
}

/** Names that sort as positions do. */
function fileName(after: bigint, through: bigint): string {
  const digits = (position: bigint): string => position.toString().padStart(19, '0');
  return `${digits(after + 1n)}-${digits(through)}.log.gz`;
}

async function beginning(ctx: Context, database: Database): Promise<bigint> {
  const { rows } = await database.query<{ through: string }>(
    ctx,
    'select through::text as through from fairlead_log_trim',
  );
  return BigInt(rows[0]?.through ?? 0);
}

async function settledEnd(ctx: Context, database: Database, through: bigint | undefined): Promise<bigint> {
  const { rows } = await database.query<{ last: string }>(
    ctx,
    'select coalesce(max(position), 0)::text as last from fairlead_log where $1::bigint is null or position <= $1',
    [through?.toString() ?? null],
  );
  const last = BigInt(rows[0]?.last ?? 0);
  const settled = new SettledPositions(database);
  await settled.reach(ctx, last, SETTLE_MS);
  return last < settled.through ? last : settled.through;
}

/** The last position of the file that begins after `after`. */
async function lastOf(
  ctx: Context,
  database: Database,
  after: bigint,
  end: bigint,
  limit: number,
): Promise<bigint | undefined> {
  const { rows } = await database.query<{ last: string | null }>(
    ctx,
    `select max(position)::text as last from
       (select position from fairlead_log where position > $1 and position <= $2 order by position limit $3) l`,
    [after.toString(), end.toString(), limit],
  );
  const last = rows[0]?.last ?? undefined;
  return last === undefined ? undefined : BigInt(last);
}

async function page(ctx: Context, database: Database, after: bigint, through: bigint, epoch: string) {
  try {
    const params = [after.toString(), through.toString(), PAGE, epoch];
    return (await database.query<{ position: string; line: string }>(ctx, READ, params)).rows;
  } catch (error) {
    throw readerRefusal(database.name, after, error);
  }
}
