import type { Context } from '@fairlead/core';
import { acrossTenants, docTenants, enqueue, type Database } from '@fairlead/store';
import type { RecordKind, SagaRecord } from './journal.ts';
import { plainJson } from './payload.ts';
import { hasEnded, historyOf, isHeldUp, summaryOf, type Failing, type RunBody } from './run-body.ts';
import {
  forgetLater,
  indexEntries,
  loadJournal,
  loadRun,
  loadSignals,
  SAGA_DOCS,
  sagaKeys,
  storedRun,
  tellParent,
  WAKE_QUEUE,
  type StoredRun,
} from './run-docs.ts';
import type { SagaAdmin, SagaDecision, SagaPage, SagaQuery, SagaStatus } from './saga-types.ts';
import { sendCancel } from './send-signal.ts';

const DEFAULT_PAGE = 100;
/** The most runs that one page looks at. */
const MAX_LOOKED_AT = 10_000;
const MAX_RESULT_BYTES = 1024 * 1024;

/**
 * What people who run a service may know of its sagas and do to them. Works on the database alone: no process needs to run
 * sagas meanwhile, and none has to be asked.
 */
export function sagaAdmin(database: Database): SagaAdmin {
  const wide = acrossTenants(database);
  return {
    tenants: (ctx, run) =>
      docTenants({ ctx, database: wide }, SAGA_DOCS.namespace, run && sagaKeys.run(run.saga, run.id)),
    list: (ctx, query) => list(ctx, wide, query),
    async inspect(ctx, saga, id) {
      const from = { ctx, database: wide };
      const run = await loadRun(from, saga, id);
      if (run === undefined) return undefined;
      const journal = await loadJournal(from, run.body);
      const taken = new Set(journal.map((record) => record.from));
      const signals = (await loadSignals(from, saga, id)).filter(
        ({ key, name }) => !taken.has(key) && !name.startsWith('$'),
      );
      return historyOf(
        run.body,
        run.tenant,
        journal,
        signals.map(({ name, data, at }) => ({ name, data, at })),
      );
    },
    cancel: (ctx, saga, id, reason = '') => wide.tx(ctx, (tx) => sendCancel(tx, saga, id, reason)),
    retry: (ctx, saga, id) => decide(ctx, wide, saga, id, retried),
    skip: (ctx, saga, id, options = {}) => {
      const result = plainJson(`${saga} ${id}: the result`, options.result ?? null, MAX_RESULT_BYTES);
      return decide(ctx, wide, saga, id, (body, nowMs) => skipped(body, nowMs, result));
    },
    resolve: (ctx, saga, id, { note, result = null }) => {
      const plain = plainJson(`${saga} ${id}: the result`, result, MAX_RESULT_BYTES);
      return decide(ctx, wide, saga, id, () => ({ status: 'resolved', note, result: plain, failing: {} }));
    },
  };
}

async function list(ctx: Context, database: Database, query: SagaQuery = {}): Promise<SagaPage> {
  const { saga, status, attribute, limit = DEFAULT_PAGE } = query;
  const statuses =
    status === undefined ? undefined : new Set<SagaStatus>(typeof status === 'string' ? [status] : status);
  const prefix =
    attribute !== undefined && saga !== undefined
      ? sagaKeys.attributes(saga, attribute.name, attribute.value)
      : statuses !== undefined && [...statuses].every(isHeldUp)
        ? sagaKeys.heldUp(saga)
        : sagaKeys.runs(saga);
  const from = { ctx, database };
  const found: SagaPage['sagas'][number][] = [];
  let after = query.after ?? '';
  for (let looked = 0; looked < MAX_LOOKED_AT;) {
    const page = await SAGA_DOCS.list(from, { prefix, after, limit: Math.min(Math.max(limit, 1), 1_000) });
    looked += page.docs.length;
    // An index names runs; written by `indexEntries`.
    const named = page.docs.map(({ body }) => body as { readonly saga: string; readonly id: string });
    const keys = named.map((each) => sagaKeys.run(each.saga, each.id));
    const runs = prefix.startsWith('run/')
      ? new Map(page.docs.map((doc) => [doc.key, doc]))
      : await SAGA_DOCS.getMany(from, keys);
    for (const [index, doc] of page.docs.entries()) {
      after = doc.key;
      const run = runs.get(keys[index] ?? '');
      if (run === undefined) continue;
      const { body, tenant } = storedRun(run);
      if (statuses !== undefined && !statuses.has(body.status)) continue;
      if (attribute !== undefined && body.attributes?.[attribute.name] !== attribute.value) continue;
      found.push(summaryOf(body, tenant));
      if (found.length === limit) return { sagas: found, next: after };
    }
    if (page.next === undefined) return { sagas: found, next: undefined };
  }
  return { sagas: found, next: after };
}

/** What is changed, or why nothing is. */
type Decided = Partial<RunBody> | string;

/** Changes a run that nobody is at, and lets it go on. Its owner, if it has one after all, finds it changed and stops. */
async function decide(
  ctx: Context,
  database: Database,
  saga: string,
  id: string,
  how: (body: RunBody, nowMs: number) => Decided,
): Promise<SagaDecision> {
  const run = await loadRun({ ctx, database }, saga, id);
  if (run === undefined) return { kind: 'unknown' };
  const { body } = run;
  if (hasEnded(body.status)) return { kind: 'refused', status: body.status, why: 'It has ended.' };
  const { rows } = await database.query<{ readonly now: number }>(
    ctx,
    'select (extract(epoch from fairlead.now()) * 1000)::float8 as now',
  );
  const nowMs = Math.floor(Number(rows[0]?.now));
  const decided = how(body, nowMs);
  if (typeof decided === 'string') return { kind: 'refused', status: body.status, why: decided };
  const next = { ...body, ...decided, owner: null, writes: body.writes + 1, takeovers: 0, updatedAt: nowMs };
  if (hasEnded(next.status)) await forgetLater(ctx, database, body);
  if (await write(ctx, database, run, next)) return { kind: 'done' };
  return { kind: 'refused', status: body.status, why: 'It has just gone on. Look at it again.' };
}

function write(ctx: Context, database: Database, { body, version }: StoredRun, next: RunBody): Promise<boolean> {
  const ends = hasEnded(next.status);
  const told = ends ? tellParent(next, { status: next.status, result: next.result }) : undefined;
  return database.tx(ctx, async (tx) => {
    const put = await SAGA_DOCS.put(tx, sagaKeys.run(body.saga, body.id), next, {
      expected: version,
      ...(ends && { expiresInMs: body.retentionMs }),
    });
    if (put.kind === 'conflict') return false;
    await SAGA_DOCS.putMany(tx, [...indexEntries(next, body), ...(told?.also ?? [])]);
    const wake = ends ? told?.wake : { saga: body.saga, id: body.id, why: 'news' as const };
    if (wake !== undefined) await enqueue(tx, WAKE_QUEUE, wake);
    return true;
  });
}

function retried(body: RunBody, nowMs: number): Decided {
  const failing = Object.entries(body.failing ?? {});
  if (!isHeldUp(body.status) && (body.owner !== null || failing.length === 0))
    return body.owner !== null ? 'A process is at it now.' : 'Nothing of it fails; it waits.';
  return {
    ...goesOn(body),
    failing: isHeldUp(body.status)
      ? {}
      : Object.fromEntries(failing.map(([key, each]): [string, Failing] => [key, { ...each, nextAt: nowMs }])),
  };
}

function skipped(body: RunBody, nowMs: number, result: unknown): Decided {
  if (body.owner !== null) return 'A process is at it now.';
  const [key] = Object.keys(body.failing ?? {});
  const [, undo, kind, name = '', number] = /^(undo )?(step|transaction) (.*) #(\d+)$/s.exec(key ?? '') ?? [];
  if (key === undefined || kind === undefined) return 'Nothing of it fails that could be skipped.';
  const { [key]: _, ...failing } = body.failing ?? {};
  const at = Math.max(nowMs, body.journal.at(-1)?.at ?? 0);
  const record: SagaRecord =
    undo === undefined
      ? // One of the two, by the expression.
        { kind: kind as RecordKind, name, occurrence: Number(number), at, result }
      : { kind: 'undo', name: `${kind} ${name}`, occurrence: Number(number), at, result };
  return { ...goesOn(body), failing, journal: [...body.journal, record] };
}

/** The run without what held it up. */
function goesOn(body: RunBody): Partial<RunBody> {
  const compensates =
    body.status === 'needs-attention' ||
    body.status === 'compensating' ||
    body.journal.some(({ kind }) => kind === 'fail');
  return { status: compensates ? 'compensating' : 'running', failure: undefined, wakesAt: undefined };
}
