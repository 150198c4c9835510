import type { DocSource } from '../doc/doc-types.ts';
import { sqlOf } from '../doc/sql-of.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import { EVENT_COLUMNS, eventsIn } from './log-row.ts';
import type { LoggedEvent } from './log-types.ts';

/** Which events of a stream are read. */
export interface StreamQuery {
  /** After this version. Default 0: from the first. */
  readonly after?: number;
  /** Up to this version. Default: the last one. */
  readonly through?: number | undefined;
  /** Up to this position of the log. Default: the last one. */
  readonly position?: bigint | undefined;
  /** How many at most. Default 1 000. */
  readonly limit?: number;
  /** Opens sealed events. Default: they are `closed`, without their data. */
  readonly seal?: PayloadSeal | undefined;
}

/** An event of a stream without its envelope. */
export interface StreamEvent {
  readonly position: bigint;
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  /** JSON value; ciphertext when it is `sealed`. */
  readonly data: unknown;
  readonly sealed: boolean;
  /** What its data measures as JSON in UTF-8, in bytes. */
  readonly bytes: number;
}

/** Where the snapshots of streams are: documents under the streams' names. */
export interface SnapshotPlace {
  /** Namespace of the documents. */
  readonly namespace: string;
  /** A snapshot whose member `fits` is another one is as good as none. */
  readonly fits: string;
}

/** The body of a snapshot's document: its members in this order, and no others. */
export interface StreamSnapshot {
  readonly fits: string;
  /** Version of the last event that went into it. */
  readonly version: number;
  /** That event's position, decimal. */
  readonly position: string;
  /** JSON value. */
  readonly state: unknown;
}

/** A stream as of one moment: its latest snapshot and what came after. */
export interface StreamTail {
  /** The stream's version; 0 when nothing was appended yet. Above the last event's when that was trimmed. */
  readonly version: number;
  /** The snapshot, when there is one that fits. */
  readonly snapshot: StreamSnapshot | undefined;
  /** Version of the snapshot's document, whether or not it fits; 0 when there is none. */
  readonly snapshotVersion: number;
  /** The events after the snapshot, all of them, in order. */
  readonly events: readonly StreamEvent[];
}

const READ = keepPrepared(`select ${EVENT_COLUMNS} from fairlead_log
  where stream = $1 and version > $2 and ($3::bigint is null or version <= $3) and ($4::bigint is null or position <= $4)
  order by version limit $5`);

// All in one statement, which sees one moment: a snapshot never meets events of another. What it fits and its version are its
// document's first members, and are read from the text: to take a state of 100 KiB apart as JSON would take longer than all the rest.
const AFTER = `case when starts_with(d.body::text, '{"fits":' || to_json($4::text)::text || ',"version":')
  then substring(left(d.body::text, 256 + length($4)) from '"version":(\\d+),"position":')::bigint end`;
const SNAPSHOT = `from fairlead_doc d where d.namespace = $2 and d.owner = $3 and d.key = $1
  and (d.expires_at is null or d.expires_at > fairlead.now())`;
const TAIL =
  keepPrepared(`select null::bigint as position, (select s.version from fairlead_stream s where s.stream = $1) as version,
    null::text as type, null::integer as schema_version, n.body as data, null::boolean as sealed, null::integer as bytes,
    n.version as doc, n.after
  from (select 1) one left join (select d.body, d.version, ${AFTER} as after ${SNAPSHOT}) n on true
  union all
  (select l.position, l.version, l.type, l.schema_version, l.data, l.sealed is not null, octet_length(l.data::text), null, null
     from fairlead_log l
    where l.stream = $1 and l.version > coalesce((select ${AFTER} ${SNAPSHOT}), 0)
    order by l.version)`);

interface TailRow extends Record<string, unknown> {
  readonly position: string | null;
  readonly version: string | null;
  readonly type: string;
  readonly schema_version: number;
  readonly data: unknown;
  readonly sealed: boolean;
  readonly bytes: number;
  readonly doc: string | null;
  readonly after: string | null;
}

/**
 * Events of one stream, in the order of their versions. Under row tenancy those of the Context's tenant.
 * @throws SEAL_BROKEN, KEY_UNAVAILABLE
 */
export async function readStream(
  from: DocSource,
  stream: string,
  { after = 0, through, position, limit = 1_000, seal }: StreamQuery = {},
): Promise<readonly LoggedEvent[]> {
  const sql = sqlOf(from);
  const { rows } = await sql.query(READ, [stream, after, through ?? null, position?.toString() ?? null, limit]);
  return eventsIn(from.ctx, sql, seal, rows);
}

/**
 * What is needed to know the present state of a stream, in one statement: its version, the snapshot that `docs(place.namespace)`
 * has of it for the Context's tenant under the stream's name (body: `StreamSnapshot`), and the events since.
 */
export async function streamTail(from: DocSource, stream: string, place: SnapshotPlace): Promise<StreamTail> {
  const params = [stream, place.namespace, from.ctx.tenant ?? '', place.fits];
  const { rows } = await sqlOf(from).query<TailRow>(TAIL, params);
  const head = rows.find(({ position }) => position === null);
  const events = rows.filter((row) => row !== head).map(toEvent);
  // Whoever writes to this namespace writes snapshots. Which one fits is for the statement to say, which has read on from there.
  const snapshot = head?.after === null ? undefined : (head?.data as StreamSnapshot | undefined);
  return {
    version: Number(head?.version ?? 0),
    snapshot,
    snapshotVersion: Number(head?.doc ?? 0),
    events: events.toSorted((a, b) => a.version - b.version),
  };
}

function toEvent({
  position,
  version,
  type,
  schema_version: schemaVersion,
  data,
  sealed,
  bytes,
}: TailRow): StreamEvent {
  return { position: BigInt(position ?? 0), version: Number(version), type, schemaVersion, data, sealed, bytes };
}
