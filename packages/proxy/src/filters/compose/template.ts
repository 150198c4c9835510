import { pointerSteps, valueAt } from '../../match/json-pointer.ts';
import type { Passage } from '../../engine/filter.ts';
import { claimAt, claimText, printable } from '../claims.ts';
import { numberText } from './json-text.ts';

/** What of a request, or of a part that has come, stands in a template. */
export type Source =
  | { readonly from: 'path' | 'query' | 'header' | 'claim'; readonly name: string }
  | { readonly from: 'tenant' | 'subject' | 'consumer' | 'host' }
  | { readonly from: 'part'; readonly part: string; readonly steps: readonly string[]; readonly said: string };

/** A text with places that are filled in. */
export type Template = readonly (string | Source)[];

/** What templates are filled in from. */
export interface Sources {
  readonly passage: Passage;
  /** Of the path. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What parts have answered, by name; a part that failed is not there. */
  readonly parts: ReadonlyMap<string, unknown>;
}

/** A template filled in; or why it can't be, and whose doing that is. */
export type Filled =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing'; readonly whose: 'request' | 'part'; readonly what: string }
  | { readonly kind: 'unfit'; readonly whose: 'request' | 'part'; readonly what: string };

const NAMED = ['path', 'query', 'header', 'claim'] as const;
const BARE = ['tenant', 'subject', 'consumer', 'host'] as const;

/** Reads a template; what is wrong with it, as a sentence. */
export function readTemplate(text: string): Template | { readonly fault: string } {
  const pieces: (string | Source)[] = [];
  let end = 0;
  for (const found of text.matchAll(/\{([^{}]*)\}/g)) {
    const source = sourceOf(found[1] ?? '');
    if (source === undefined) {
      const fault = `there is no ${found[0]}; there are {path:name}, {query:name}, {header:name}, {claim:name}, {tenant}, {subject}, {consumer}, {host}, and {part#/pointer} for what another part answered`;
      return { fault };
    }
    pieces.push(text.slice(end, found.index), source);
    end = found.index + found[0].length;
  }
  pieces.push(text.slice(end));
  const kept = pieces.filter((piece) => piece !== '');
  if (kept.some((piece) => typeof piece === 'string' && /[{}]/.test(piece)))
    return { fault: 'has a brace without its other' };
  return kept;
}

function sourceOf(inner: string): Source | undefined {
  const [, part, pointer] = /^([A-Za-z][A-Za-z0-9_-]*)#(.*)$/s.exec(inner) ?? [];
  if (part !== undefined && pointer !== undefined) {
    const steps = pointerSteps(pointer);
    return steps && { from: 'part', part, steps, said: inner };
  }
  const [, kind, name] = /^([a-z]+):(.+)$/s.exec(inner) ?? [];
  const named = NAMED.find((each) => each === kind);
  if (named !== undefined && name !== undefined) {
    return { from: named, name: named === 'header' ? name.toLowerCase() : name };
  }
  const bare = BARE.find((each) => each === inner);
  return bare && { from: bare };
}

/** The parts whose answers a template needs. */
export function partsIn(template: Template): readonly string[] {
  return template.flatMap((piece) => (typeof piece !== 'string' && piece.from === 'part' ? [piece.part] : []));
}

/** As it is in a path: each value is within one segment, and never changes what the path leads to. */
export function fillPath(template: Template, sources: Sources): Filled {
  return fill(template, sources, (value) => (value === '' ? undefined : encoded(value)));
}

/** As the value of a parameter of the query. */
export function fillQuery(template: Template, sources: Sources): Filled {
  return fill(template, sources, encoded);
}

/** As the value of a field: within its line. */
export function fillField(template: Template, sources: Sources): Filled {
  return fill(template, sources, (value) => {
    try {
      return printable(value);
    } catch {
      return undefined;
    }
  });
}

/** Text as part of a path or a query (RFC 3986, section 2.1); `undefined` when it is no text that UTF-8 has. */
export function encoded(text: string): string | undefined {
  try {
    return encodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function fill(template: Template, sources: Sources, encode: (value: string) => string | undefined): Filled {
  let text = '';
  for (const piece of template) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    const whose = piece.from === 'part' ? 'part' : 'request';
    const value = valueOf(piece, sources);
    if (value === undefined) return { kind: 'missing', whose, what: wordsOf(piece) };
    const fitting = encode(value);
    if (fitting === undefined) return { kind: 'unfit', whose, what: wordsOf(piece) };
    text += fitting;
  }
  return { kind: 'text', text };
}

/** A source as it is written. */
function wordsOf(source: Source): string {
  if (source.from === 'part') return `{${source.said}}`;
  return 'name' in source ? `{${source.from}:${source.name}}` : `{${source.from}}`;
}

/** `undefined` for what is not there, and for what is neither text, number nor truth value. */
function valueOf(source: Source, { passage, parameters, parts }: Sources): string | undefined {
  switch (source.from) {
    case 'part':
      return scalarText(valueAt(parts.get(source.part), source.steps));
    case 'path':
      return parameters[source.name];
    case 'query':
      return new URLSearchParams(passage.query).get(source.name) ?? undefined;
    case 'header':
      return passage.fields.get(source.name);
    case 'claim':
      return claimText(passage.identity && claimAt(passage.identity.claims, source.name));
    case 'tenant':
    case 'subject':
    case 'consumer':
      return passage.identity?.[source.from];
    case 'host':
      return passage.host;
  }
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  return numberText(value);
}
