// A configuration, whichever gateway it was written for:
//   read-any.ts           which form a text has, and its way to what the engine runs
//   imported.ts           what importers take and give
//   kong/, nginx/         an importer each
import { isMap, parseDocument } from 'yaml';
import type { Place } from '../snapshot/snapshot-problem.ts';
import { readSource, type TextPosition } from '../snapshot/source-text.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { readSnapshot, snapshotOf, type ReadSnapshotOptions } from '../snapshot/read-snapshot.ts';
import type { Imported, Importer, ImportOrigin } from './imported.ts';
import { importKong } from './kong/import-kong.ts';
import { importNginx } from './nginx/import-nginx.ts';

/** What reading a text of any form needs to know. */
export type ReadAnyOptions = ReadSnapshotOptions & Omit<ImportOrigin, 'file'>;

/** A configuration, and where in the text a part of it was written. */
export interface ReadText {
  readonly snapshot: CompiledSnapshot;
  locate(place: Place, isKey?: boolean): TextPosition | undefined;
}

/**
 * Reads a configuration of ours or of another gateway and compiles it.
 * @throws SNAPSHOT_INVALID with everything that is wrong with it, in the lines of the text
 */
export function readAny(text: string, options: ReadAnyOptions): ReadText {
  const imported = importAny(text, { ...options, file: options.origin });
  if (imported === undefined) {
    const snapshot = readSnapshot(text, options);
    return {
      snapshot,
      locate(place, isKey = false) {
        const source = readSource(text);
        return source.kind === 'read' ? source.locate(place, isKey) : undefined;
      },
    };
  }
  const { of, notes, written } = imported;
  const locate = (place: Place): TextPosition | undefined => imported.locate(place);
  return { snapshot: snapshotOf(written, { ...options, imported: { of, notes } }, locate), locate };
}

/**
 * Reads a configuration of another gateway as one of ours; `undefined` when it is one of ours already.
 * @throws SNAPSHOT_INVALID
 */
export function importAny(text: string, origin: ImportOrigin): Imported | undefined {
  return importerOf(text, origin.file)?.(text, origin);
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

function importerOf(text: string, file: string): Importer | undefined {
  if (NGINX.test(text)) return importNginx;
  const keys = topKeys(text);
  if (keys.some((key) => OURS.includes(key))) return undefined;
  if (keys.some((key) => KONG.includes(key))) return importKong;
  // One that is broken from its beginning on.
  return file.endsWith('.conf') ? importNginx : undefined;
}

/** The keys of a mapping of YAML or JSON, however broken it is further in. */
function topKeys(text: string): readonly string[] {
  const { contents } = parseDocument(text, { merge: true, logLevel: 'silent' });
  return isMap(contents) ? contents.items.map(({ key }) => String(key)) : [];
}
