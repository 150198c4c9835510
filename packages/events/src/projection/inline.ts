import { docs, type DocSource, type LoggedEvent, type Tx } from '@fairlead/store';
import { marksOf, type Build } from './build.ts';
import { isKept } from './standing-docs.ts';
import { writeEvents, type Writing } from './write-events.ts';

/**
 * How far a stream is in a build that is written inline. Whoever writes an event moves the mark first, in the same transaction,
 * so each is written once: by who appends it, or by the subscription when that one knew nothing of the build.
 */
interface Mark {
  /** Every event of the stream up to this version is written, but for those of `missing`. */
  readonly through: number;
  /** Versions whose turn came too late: their key waits, or they are in another part of the subscription. */
  readonly missing: readonly number[];
}

const NOTHING: Mark = { through: 0, missing: [] };

/**
 * Writes events of one stream, just appended in this transaction, into a build. Leaves them to the subscription when that has
 * earlier ones of the stream yet to write: events of somebody who does not know this build. Nothing for a build that was given
 * up, of which this process has not heard.
 */
export async function writeInline(
  tx: Tx,
  writing: Writing,
  build: Build,
  appended: readonly LoggedEvent[],
): Promise<void> {
  const [first] = appended;
  const last = appended.at(-1);
  if (first === undefined || last === undefined) return;
  if (!(await isKept(tx, writing.view, build))) return;
  const moved = await moveMark(tx, writing, build, first.stream, (mark) =>
    mark.through + 1 === first.version ? { ...mark, through: last.version } : undefined,
  );
  if (moved) await writeEvents(tx, writing, build, appended);
}

/** Whether an event of a stream has been written. */
export async function isWritten(
  from: DocSource,
  writing: Writing,
  build: Build,
  event: Pick<LoggedEvent, 'stream' | 'version'>,
): Promise<boolean> {
  const found = await namespaceOf(writing, build).get(from, event.stream);
  // As above.
  return !isOpen((found?.body as Mark | undefined) ?? NOTHING, event);
}

/** Writes those of a batch of the subscription that nobody has written inline. */
export async function writeUnmarked(
  tx: Tx,
  writing: Writing,
  build: Build,
  events: readonly LoggedEvent[],
): Promise<void> {
  const marks = await namespaceOf(writing, build).getMany(tx, [...new Set(events.map(({ stream }) => stream))]);
  const open = events.filter((event) => {
    // Documents of this namespace are written in this file only.
    const mark = (marks.get(event.stream)?.body as Mark | undefined) ?? NOTHING;
    return isOpen(mark, event);
  });
  for (const event of open) {
    const moved = await moveMark(tx, writing, build, event.stream, (mark) => past(mark, event));
    if (moved) await writeEvents(tx, writing, build, [event]);
  }
}

function isOpen({ through, missing }: Mark, { version }: Pick<LoggedEvent, 'version'>): boolean {
  return version > through || missing.includes(version);
}

function past(mark: Mark, event: LoggedEvent): Mark | undefined {
  const { version } = event;
  if (!isOpen(mark, event)) return undefined;
  if (version <= mark.through) return { ...mark, missing: mark.missing.filter((each) => each !== version) };
  const passed = Array.from({ length: version - mark.through - 1 }, (_, index) => mark.through + 1 + index);
  return { through: version, missing: [...mark.missing, ...passed] };
}

/** Moves the mark of a stream, which keeps it until the transaction ends; false when there is nothing to be done. */
async function moveMark(
  tx: Tx,
  writing: Writing,
  build: Build,
  stream: string,
  next: (mark: Mark) => Mark | undefined,
): Promise<boolean> {
  const namespace = namespaceOf(writing, build);
  for (;;) {
    const found = await namespace.get(tx, stream);
    // As above.
    const after = next((found?.body as Mark | undefined) ?? NOTHING);
    if (after === undefined) return false;
    const put = await namespace.put(tx, stream, after, { expected: found?.version ?? 'none' });
    if (put.kind === 'put') return true;
  }
}

function namespaceOf({ view }: Writing, build: Build) {
  return docs(marksOf(view, build), { tenancy: 'none' });
}
