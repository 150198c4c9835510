import { causedBy, docs, type Doc, type Docs, type LoggedEvent, type Tx } from '@fairlead/store';
import { documentsOf, type Build } from './build.ts';
import type { DocumentsTarget } from './projection-types.ts';

/** How events become a view; a projection is one, and so is a replica. */
export interface Writing {
  /** Which view, `projection.<name>` or `replica.<name>`. */
  readonly view: string;
  readonly into: DocumentsTarget<unknown> | { readonly kind: 'tables' };
  readonly keysOf: (event: LoggedEvent) => readonly string[];
  /** The next document. @throws what the step throws */
  readonly fold: (document: unknown, event: LoggedEvent, key: string) => unknown;
  /** Writes tables. */
  readonly write: (tx: Tx, event: LoggedEvent, tables: Readonly<Record<string, string>>) => Promise<unknown>;
  /** Whether it does anything with an event. */
  readonly concerns: (event: Pick<LoggedEvent, 'type' | 'stream'>) => boolean;
  /** The event with its data read by the contract. */
  readonly decoded: (event: LoggedEvent) => LoggedEvent;
}

/** A document on its way. */
interface Draft {
  readonly key: string;
  readonly events: LoggedEvent[];
}

/** Writes events, in their order, into a build, in the caller's transaction. */
export async function writeEvents(
  tx: Tx,
  writing: Writing,
  build: Build,
  given: readonly LoggedEvent[],
): Promise<void> {
  const events = given.filter(writing.concerns).map(writing.decoded);
  const { into, view } = writing;
  if (into.kind === 'tables') {
    for (const event of events) await writing.write(causedBy(tx, event, view), event, build.tables);
    return;
  }
  const namespace = docs(documentsOf(view, build), { tenancy: into.tenancy });
  for (const [tenant, own] of byTenant(events, into)) {
    const of = tx.ctx.tenant === tenant ? tx : withTenant(tx, tenant);
    await fold(of, writing, namespace, drafts(writing, own));
  }
}

/** All documents of one tenant: read at once, folded, written at once; those that somebody else has written meanwhile anew. */
async function fold(tx: Tx, writing: Writing, namespace: Docs, wanted: readonly Draft[]): Promise<void> {
  for (let left = wanted; left.length > 0;) {
    const found = await namespace.getMany(
      tx,
      left.map(({ key }) => key),
    );
    const changes = left.flatMap((draft) => {
      const before = found.get(draft.key);
      let body = before?.body;
      for (const event of draft.events) body = writing.fold(body, event, draft.key);
      return body === before?.body ? [] : [{ draft, body, expected: before?.version ?? ('none' as const) }];
    });
    const puts = changes.filter(({ body }) => body !== undefined);
    const entries = puts.map(({ draft, body, expected }) => ({ key: draft.key, body, expected }));
    const results = await namespace.putMany(tx, entries);
    const again = puts.filter((_, index) => results[index]?.kind === 'conflict').map(({ draft }) => draft);
    for (const { draft, body, expected } of changes) {
      if (body !== undefined) continue;
      const gone = await namespace.delete(tx, draft.key, { expected });
      if (gone.kind === 'conflict') again.push(draft);
    }
    left = again;
  }
}

/** What comes for which document, in order. */
function drafts(writing: Writing, events: readonly LoggedEvent[]): readonly Draft[] {
  const known = new Map<string, Draft>();
  for (const event of events) {
    for (const key of new Set(writing.keysOf(event))) {
      const draft = known.get(key) ?? { key, events: [] };
      draft.events.push(event);
      known.set(key, draft);
    }
  }
  return [...known.values()];
}

function byTenant(
  events: readonly LoggedEvent[],
  { tenancy }: DocumentsTarget<unknown>,
): ReadonlyMap<string | undefined, readonly LoggedEvent[]> {
  if (tenancy === 'none') return new Map([[undefined, events]]);
  return Map.groupBy(events, ({ tenant }) => tenant);
}

function withTenant(tx: Tx, tenant: string | undefined): Tx {
  return {
    ctx: tx.ctx.derive({ tenant }),
    query: (text, params) => tx.query(text, params),
    afterCommit: (fn) => tx.afterCommit(fn),
    announce: (channel, payload) => tx.announce(channel, payload),
  };
}

/** A document's body as its view gives it. */
export function bodyOf<D>(doc: Doc | undefined): D | undefined {
  // Documents of a build are what the steps of its view made.
  return doc?.body as D | undefined;
}
