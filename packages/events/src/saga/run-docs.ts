import type { Context } from '@fairlead/core';
import {
  docs,
  queue,
  type Database,
  type Doc,
  type DocEntry,
  type DocSource,
  type Docs,
  type Tx,
} from '@fairlead/store';
import type { SagaRecord } from './journal.ts';
import { hasEnded, isHeldUp, type RunBody } from './run-body.ts';
import type { SagaFailure, SagaStatus } from './saga-types.ts';

/** A run as it was read. */
export interface StoredRun {
  readonly body: RunBody;
  readonly version: number;
  readonly tenant: string | undefined;
}

/** What wakes a run: its time has come, or something has happened. */
export interface Wake {
  readonly saga: string;
  readonly id: string;
  readonly why: 'time' | 'news';
}

/** A signal as it was sent. */
export interface SentSignal {
  readonly key: string;
  readonly name: string;
  readonly data: unknown;
  readonly at: number;
}

/** How a child tells its parent. */
export interface ChildEnd {
  readonly status: SagaStatus;
  readonly result?: unknown;
  readonly failure?: SagaFailure;
}

/** The signal that asks a run to end. People's have names without this beginning. */
export const CANCEL_SIGNAL = '$cancel';
/** Where runs that somebody has are told of news; a hint. */
export const SAGA_CHANNEL = 'fairlead_saga';

/** What wakes runs that nobody has. Attempts that fail are for want of a database, or of code that knows the saga. */
export const WAKE_QUEUE = queue<Wake>('fairlead-sagas', {
  attempts: 1_000,
  backoff: { base: '200ms', cap: '10s' },
  timeoutMs: 0,
  concurrency: 200,
});

/** Runs, signals and what they are found by are documents of one namespace, so that what belongs together is put in one statement. */
const NAMESPACE = 'fairlead.saga';
/** Room for an input, a result and a tail of the journal. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const PAGE = 1_000;

export const SAGA_DOCS: Docs = docs(NAMESPACE, { maxBodyBytes: MAX_BODY_BYTES });

const part = encodeURIComponent;
/** Keys of documents, by what they are. */
export const sagaKeys = {
  runs: (saga?: string) => (saga === undefined ? 'run/' : `run/${saga}/`),
  run: (saga: string, id: string) => `run/${saga}/${id}`,
  /** What a life of a process has. */
  slots: (runner: string) => `active/${runner}/`,
  slot: (runner: string, slot: number) => `active/${runner}/${slot}`,
  signals: (saga: string, id: string) => `signal/${saga}/${part(id)}/`,
  signal: (saga: string, id: string, name: string, once: string) =>
    `signal/${saga}/${part(id)}/${part(name)}/${part(once)}`,
  segments: (saga: string, id: string) => `segment/${saga}/${part(id)}/`,
  attributes: (saga: string, name: string, value: string) => `attribute/${saga}/${part(name)}/${part(value)}/`,
  heldUp: (saga?: string) => (saga === undefined ? 'held-up/' : `held-up/${saga}/`),
} as const;

/** The documents by which people find a run, as it is now. */
export function indexEntries(body: RunBody, before: RunBody): readonly DocEntry[] {
  const entries: DocEntry[] = [];
  const reference = { saga: body.saga, id: body.id };
  const ends = hasEnded(body.status) ? { expiresInMs: body.retentionMs } : {};
  for (const [name, value] of Object.entries(body.attributes ?? {})) {
    if (before.attributes?.[name] === value && !hasEnded(body.status)) continue;
    entries.push({ key: `${sagaKeys.attributes(body.saga, name, value)}${part(body.id)}`, body: reference, ...ends });
  }
  for (const [name, value] of Object.entries(before.attributes ?? {})) {
    if (body.attributes?.[name] === value) continue;
    entries.push({
      key: `${sagaKeys.attributes(body.saga, name, value)}${part(body.id)}`,
      body: reference,
      expiresInMs: 0,
    });
  }
  if (isHeldUp(body.status) !== isHeldUp(before.status))
    entries.push({
      key: `${sagaKeys.heldUp(body.saga)}${part(body.id)}`,
      body: reference,
      ...(isHeldUp(body.status) ? {} : { expiresInMs: 0 }),
    });
  return entries;
}

/** A run as it is now. */
export async function loadRun(from: DocSource, saga: string, id: string): Promise<StoredRun | undefined> {
  const doc = await SAGA_DOCS.get(from, sagaKeys.run(saga, id));
  return doc && storedRun(doc);
}

/** What a document of a run says. */
export function storedRun(doc: Doc): StoredRun {
  // Written by this package and by nobody else.
  return { body: doc.body as RunBody, version: doc.version, tenant: doc.tenant };
}

/** The whole journal of a run. */
export async function loadJournal(from: DocSource, body: RunBody): Promise<readonly SagaRecord[]> {
  if (body.segments.length === 0) return body.journal;
  const found = await SAGA_DOCS.getMany(from, body.segments);
  // A segment is written before it is named, so it is there; as above.
  return [...body.segments.flatMap((key) => (found.get(key)?.body ?? []) as SagaRecord[]), ...body.journal];
}

/** The signals of a run in the order in which they came. */
export async function loadSignals(from: DocSource, saga: string, id: string): Promise<readonly SentSignal[]> {
  const prefix = sagaKeys.signals(saga, id);
  const signals: SentSignal[] = [];
  for (let after = ''; ;) {
    const page = await SAGA_DOCS.list(from, { prefix, after, limit: PAGE });
    for (const doc of page.docs) {
      // Written by `signalRun`.
      const { name, data } = doc.body as Pick<SentSignal, 'name' | 'data'>;
      signals.push({ key: doc.key, name, data, at: doc.updatedAt });
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  // Ids that nobody chose grow with time.
  return signals.toSorted((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
}

/** Lets everything of a run but its own document expire with it. */
export async function forgetLater(ctx: Context, database: Database, body: RunBody): Promise<void> {
  for (const prefix of [sagaKeys.signals(body.saga, body.id), sagaKeys.segments(body.saga, body.id)]) {
    for (let after = ''; ;) {
      const page = await SAGA_DOCS.list({ ctx, database }, { prefix, after, limit: PAGE });
      if (page.docs.length > 0)
        await alone(ctx, database, (tx) =>
          SAGA_DOCS.putMany(
            tx,
            page.docs.map(({ key, body: kept }) => ({ key, body: kept, expiresInMs: body.retentionMs })),
          ),
        );
      if (page.next === undefined) break;
      after = page.next;
    }
  }
}

/** What tells the parent of a run of its end, and wakes it; `undefined` when it has none. */
export function tellParent(
  body: RunBody,
  end: ChildEnd,
): { readonly also: DocEntry[]; readonly wake: Wake } | undefined {
  const { parent } = body;
  if (parent === undefined) return undefined;
  const key = sagaKeys.signal(parent.saga, parent.id, parent.signal, body.id);
  return {
    also: [{ key, body: { name: parent.signal, data: end } }],
    wake: { saga: parent.saga, id: parent.id, why: 'news' },
  };
}

/** Statements that commit by themselves. */
export function alone<T>(ctx: Context, database: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return database.tx(ctx, work, { autocommit: true });
}
