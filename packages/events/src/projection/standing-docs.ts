import { docs, type DocSource, type Tx } from '@fairlead/store';
import { FairleadError } from '@fairlead/core';
import { buildName, type Build } from './build.ts';
import type { Standing } from './standing.ts';

/**
 * Which builds there are, by view; for each build a document `view#number` that its writers lock; and `view@version` for each
 * version that somebody's code is of, which expires.
 */
const STANDINGS = docs('fairlead.projection', { tenancy: 'none' });

/** The channel on which it is told that something of a view was committed; the payload is the view. */
export const VIEW_CHANNEL = 'fairlead_view';

/** The same of changes of its standing. */
export const STANDING_CHANNEL = 'fairlead_view_standing';

/** What builds a view has; `undefined` before anybody has begun one. */
export async function standingOf(from: DocSource, view: string): Promise<Standing | undefined> {
  // Documents of this namespace are written in this file only.
  return (await STANDINGS.get(from, view))?.body as Standing | undefined;
}

/** Changes a standing, in the caller's transaction, so that of two who do so at once one sees what the other did. */
export async function changeStanding(
  tx: Tx,
  view: string,
  change: (standing: Standing | undefined) => Standing | undefined,
): Promise<Standing | undefined> {
  for (;;) {
    const found = await STANDINGS.get(tx, view, { lock: 'update' });
    // As above.
    const before = found?.body as Standing | undefined;
    const after = change(before);
    if (after === undefined || after === before) return before;
    const put = await STANDINGS.put(tx, view, after, { expected: found?.version ?? 'none' });
    if (put.kind === 'conflict') continue;
    await changeLocks(tx, view, before?.builds ?? [], after.builds);
    tx.announce(STANDING_CHANNEL, view);
    return after;
  }
}

/** Has the builds' own documents follow: to give one up is to wait for those who are writing it. */
async function changeLocks(tx: Tx, view: string, before: readonly Build[], after: readonly Build[]): Promise<void> {
  for (const { number, state } of after) {
    const was = before.find((each) => each.number === number)?.state;
    if (was === undefined) await STANDINGS.put(tx, lockOf(view, number), { isKept: true } satisfies LockBody);
    else if (state === 'dropping' && was !== 'dropping')
      await STANDINGS.put(tx, lockOf(view, number), { isKept: false } satisfies LockBody);
  }
  for (const { number } of before)
    if (!after.some((each) => each.number === number)) await STANDINGS.delete(tx, lockOf(view, number));
}

interface LockBody {
  readonly isKept: boolean;
}

function lockOf(view: string, number: number): string {
  return `${view}#${number}`;
}

/** Whether a build is still to be written; if so it stays until the transaction ends. */
export async function isKept(tx: Tx, view: string, { number }: Build): Promise<boolean> {
  // As above.
  const body = (await STANDINGS.get(tx, lockOf(view, number), { lock: 'share' }))?.body as LockBody | undefined;
  return body?.isKept === true;
}

/**
 * The same for a subscription.
 * @throws CURSOR_MOVED when it is not to be written: a subscription then leaves off, and blames no event
 */
export async function requireBuild(tx: Tx, view: string, build: Build): Promise<void> {
  if (await isKept(tx, view, build)) return;
  const { number, version } = build;
  throw new FairleadError(
    'conflict',
    'CURSOR_MOVED',
    `${buildName(view, { number, version })} is not kept any more; what was under way here was undone.`,
  );
}

/** Says that somebody runs code of a version, for so long. */
export async function markUsed(tx: Tx, view: string, version: number, forMs: number): Promise<void> {
  await STANDINGS.put(tx, `${view}@${version}`, {}, { expiresInMs: forMs });
}

/** Those of the versions whose code somebody has run lately. */
export async function usedVersions(
  from: DocSource,
  view: string,
  versions: readonly number[],
): Promise<ReadonlySet<number>> {
  const found = await STANDINGS.getMany(
    from,
    versions.map((version) => `${view}@${version}`),
  );
  return new Set(versions.filter((version) => found.has(`${view}@${version}`)));
}
