import type { Document, LineCounter } from 'yaml';
import { yaml } from '../on-demand.ts';
import { hasRepeatedKey } from './repeated-key.ts';
import type { Place } from './snapshot-problem.ts';

/** Where something stands in a text, from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** A text of YAML or JSON, read. */
export type SourceText =
  | {
      readonly kind: 'read';
      readonly value: unknown;
      /**
       * Where a place's value stands, or its key; for a place that isn't there, the nearest around it that is. Parses a text
       * of JSON a second time when it is asked first, since only those who made a mistake ask.
       */
      readonly locate: (place: Place, isKey: boolean) => TextPosition;
    }
  | { readonly kind: 'malformed'; readonly faults: readonly ({ readonly message: string } & TextPosition)[] };

/**
 * Reads YAML 1.2 (with anchors, aliases and merge keys) or JSON, which is a part of it. Refused: more than one document, a
 * key twice, tags that nobody knows, aliases that multiply beyond measure.
 */
export function readSource(text: string): SourceText {
  const json = readJson(text);
  if (json !== undefined) {
    let parsed: Parsed | undefined;
    return {
      kind: 'read',
      value: json.value,
      locate: (place, isKey) => locate((parsed ??= parse(text)), place, isKey),
    };
  }
  const parsed = parse(text);
  const { document, lines } = parsed;
  const faults = [...document.errors, ...document.warnings].slice(0, MOST_FAULTS).map(({ code, message, pos }) => ({
    message: SAID[code] ?? (message.includes('call stack') ? TOO_DEEP : firstLine(message)),
    ...positionAt(lines, pos[0]),
  }));
  if (faults.length > 0) return { kind: 'malformed', faults };
  try {
    return { kind: 'read', value: document.toJS(), locate: (place, isKey) => locate(parsed, place, isKey) };
  } catch (error) {
    // A chain of aliases that would be larger than any memory.
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'malformed', faults: [{ message: firstLine(message), line: 1, column: 1 }] };
  }
}

/** Those after them are mostly what comes of the first ones. */
const MOST_FAULTS = 10;
const TOO_DEEP = 'is nested too deeply';
/** What the parser says to programmers, by its codes. */
const SAID: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there twice',
  MULTIPLE_DOCS: 'another document begins; a configuration is one, without ---',
};

interface Parsed {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

function parse(text: string): Parsed {
  const lines = new (yaml().LineCounter)();
  return { document: yaml().parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true }), lines };
}

function readJson(text: string): { readonly value: unknown } | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return hasRepeatedKey(text, value) ? undefined : { value };
  } catch {
    // YAML's parser says where.
    return undefined;
  }
}

function locate({ document, lines }: Parsed, place: Place, isKey: boolean): TextPosition {
  const { isAlias, isMap, isScalar, isSeq } = yaml();
  let node: unknown = document.contents;
  let start = startOf(node) ?? 0;
  for (const [index, step] of place.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(step));
      if (pair === undefined) break;
      const isLast = index === place.length - 1;
      const hasValue = isScalar(pair.value) ? pair.value.source !== '' : pair.value !== null;
      node = pair.value;
      start = startOf(hasValue && !(isLast && isKey) ? pair.value : pair.key) ?? start;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(step)];
      if (item === undefined) break;
      node = item;
      start = startOf(item) ?? start;
    } else break;
  }
  return positionAt(lines, start);
}

function startOf(node: unknown): number | undefined {
  return yaml().isNode(node) ? node.range?.[0] : undefined;
}

function positionAt(lines: LineCounter, offset: number): TextPosition {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
