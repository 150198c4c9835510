import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import { writeArchiveFile } from './archive-file.ts';
import { EVENT_COLUMNS, eventsIn } from './log-row.ts';

/** What of a tenant is written, and where to. */
export interface TenantExportOptions {
  readonly tenant: string;
  /** Path of the file; one that is there is replaced once the new one is complete. */
  readonly file: string;
  /** Whose data it is, for the file's first line. */
  readonly service: string;
  /** Opens what is sealed. Default: sealed events are in the file without their data. */
  readonly seal?: PayloadSeal | undefined;
  /**
   * What else there is of the tenant, such as documents, jobs or the service's own tables: by name, JSON values read in the
   * transaction given. Default: nothing.
   */
  readonly parts?: Readonly<Record<string, (tx: Tx, tenant: string) => AsyncIterable<unknown>>>;
}

/** How many values of each part the file has; `events` are those of the log. */
export type TenantExportResult = Readonly<Record<string, number>>;

const FORMAT = 1;
const PAGE = 500;
const READ = `select ${EVENT_COLUMNS} from fairlead_log where position > $1 and tenant = $2 order by position limit $3`;

/**
 * Writes everything that this database has of one tenant, as of one moment, to a file of JSON lines compressed with gzip (mode
 * 0600): a header, then one line a value with the name of its part, at the end a checksum. It is for the tenant to take along:
 * what was sealed lies open in it. Events that were trimmed are not in it.
 *
 * `database` is opened with `transactionTimeoutMs: 0` when there is much.
 * @throws SEAL_BROKEN, KEY_UNAVAILABLE
 */
export function exportTenant(
  ctx: Context,
  database: Database,
  { tenant, file, service, seal, parts = {} }: TenantExportOptions,
): Promise<TenantExportResult> {
  const header = {
    fairlead: 'tenant',
    format: FORMAT,
    service,
    tenant,
    takenAt: new Date(ctx.clock.now()).toISOString(),
  };
  const counts: Record<string, number> = {};
  return database.tx(
    // As the tenant: where rows are isolated, the database itself leaves out everybody else's.
    ctx.derive({ tenant }),
    async (tx) => {
      await writeArchiveFile(file, header, async (line) => {
        const all: typeof parts = { events: (each) => eventsOf(each, tenant, seal), ...parts };
        for (const [part, values] of Object.entries(all)) {
          counts[part] = 0;
          for await (const value of values(tx, tenant)) {
            await line(JSON.stringify({ part, value }, plainNumbers));
            counts[part] += 1;
          }
        }
      });
      return counts;
    },
    { isolation: 'repeatable read', readOnly: true, retry: false },
  );
}

async function* eventsOf(tx: Tx, tenant: string, seal: PayloadSeal | undefined): AsyncGenerator<unknown> {
  for (let after = 0n; ;) {
    const { rows } = await tx.query(READ, [after.toString(), tenant, PAGE]);
    const events = await eventsIn(tx.ctx, tx, seal, rows);
    yield* events;
    after = events.at(-1)?.position ?? after;
    if (events.length < PAGE) return;
  }
}

/** JSON has no word for a bigint; positions are written as text. */
function plainNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
