import type { CompiledSnapshot } from './compiled-snapshot.ts';
import type { SnapshotOrigin } from './compile.ts';
import { FILTER_TYPES, kindsIn } from './kind-table.ts';
import { snapshotFrom } from './read-snapshot.ts';
import type { Place } from './snapshot-problem.ts';
import type { TextPosition } from './source-text.ts';

/**
 * Reads a configuration that code has made and compiles it; `locate` says where a part of it was written, if it was.
 * @throws SNAPSHOT_INVALID with everything that is wrong with it
 */
export async function snapshotOf(
  written: unknown,
  origin: SnapshotOrigin,
  locate?: (place: Place) => TextPosition | undefined,
): Promise<CompiledSnapshot> {
  return snapshotFrom(written, { ...origin, kinds: await kindsIn(written), types: FILTER_TYPES }, locate);
}
