// A configuration, whichever gateway it was written for:
//   read-any.ts           which form a text has, and its way to what the engine runs
//   imported.ts           what importers take and give
//   kong/, nginx/         an importer each
import { yaml } from '../on-demand.ts';
import type { Place } from '../snapshot/snapshot-problem.ts';
import { readSource, type SourceText, type TextPosition } from '../snapshot/source-text.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { FILTER_TYPES, kindsIn } from '../snapshot/kind-table.ts';
import { snapshotFrom, snapshotIn, type ReadSnapshotOptions } from '../snapshot/read-snapshot.ts';
import type { Imported, Importer, ImportOrigin } from './imported.ts';

/** What reading a text of any form needs to know. */
export type ReadAnyOptions = Omit<ReadSnapshotOptions, 'kinds' | 'types'> &
  Omit<ImportOrigin, 'file'> & {
    /** Default: the filters that there are, of which those that it has are loaded. */
    readonly kinds?: readonly FilterKind[];
  };

/** A configuration, and where in the text a part of it was written. */
export interface ReadText {
  readonly snapshot: CompiledSnapshot;
  locate(place: Place, isKey?: boolean): TextPosition | undefined;
}

/**
 * Reads a configuration of ours or of another gateway and compiles it.
 * @throws SNAPSHOT_INVALID with everything that is wrong with it, in the lines of the text
 */
export async function readAny(text: string, options: ReadAnyOptions): Promise<ReadText> {
  const source = sourceOf(text);
  const imported = await importedFrom(text, source, { ...options, file: options.origin });
  if (imported === undefined) {
    const ours = source ?? readSource(text);
    const snapshot = snapshotIn(ours, await withKinds(options, ours.kind === 'read' ? ours.value : undefined));
    return {
      snapshot,
      locate: (place, isKey = false) => (ours.kind === 'read' ? ours.locate(place, isKey) : undefined),
    };
  }
  const { of, notes, written } = imported;
  const locate = (place: Place): TextPosition | undefined => imported.locate(place);
  const complete = await withKinds({ ...options, imported: { of, notes } }, written);
  return { snapshot: snapshotFrom(written, complete, locate), locate };
}

async function withKinds({ kinds, ...options }: ReadAnyOptions, written: unknown): Promise<ReadSnapshotOptions> {
  return kinds === undefined
    ? { ...options, kinds: await kindsIn(written), types: FILTER_TYPES }
    : { ...options, kinds };
}

/**
 * Reads a configuration of another gateway as one of ours; `undefined` when it is one of ours already.
 * @throws SNAPSHOT_INVALID
 */
export function importAny(text: string, origin: ImportOrigin): Promise<Imported | undefined> {
  return importedFrom(text, sourceOf(text), origin);
}

async function importedFrom(
  text: string,
  source: SourceText | undefined,
  origin: ImportOrigin,
): Promise<Imported | undefined> {
  const importer = await importerOf(text, source, origin.file);
  return importer?.(text, origin);
}

/** A text as YAML or JSON; `undefined` for what nginx reads. */
function sourceOf(text: string): SourceText | undefined {
  return NGINX.test(text) ? undefined : readSource(text);
}

/** The first directive of nginx, behind comments: names of our form and of Kong's have a colon behind them. */
const NGINX = /^(?:\s|#[^\n]*\n)*[a-z_]+(?:[ \t]+[^\s{};:][^\n{};]*)?\s*[{;]/;

/** Keys that only Kong's files begin with. */
const KONG = [
  '_format_version',
  '_info',
  '_transform',
  '_workspace',
  '_konnect',
  'services',
  'upstreams',
  'consumers',
  'consumer_groups',
  'plugins',
  'certificates',
  'ca_certificates',
  'vaults',
  'partials',
];
const OURS = ['listeners', 'clusters'];

// Whoever has a configuration of ours need not load what reads others'.
const kong = async (): Promise<Importer> => (await import('./kong/import-kong.ts')).importKong;
const nginx = async (): Promise<Importer> => (await import('./nginx/import-nginx.ts')).importNginx;

async function importerOf(text: string, source: SourceText | undefined, file: string): Promise<Importer | undefined> {
  if (source === undefined) return nginx();
  const keys = source.kind === 'read' ? Object.keys(source.value ?? {}) : topKeys(text);
  if (keys.some((key) => OURS.includes(key))) return undefined;
  if (keys.some((key) => KONG.includes(key))) return kong();
  // One that is broken from its beginning on.
  return file.endsWith('.conf') ? nginx() : undefined;
}

/** The keys of a mapping of YAML or JSON, however broken it is further in. */
function topKeys(text: string): readonly string[] {
  const { isMap, parseDocument } = yaml();
  const { contents } = parseDocument(text, { merge: true, logLevel: 'silent' });
  return isMap(contents) ? contents.items.map(({ key }) => String(key)) : [];
}
