/** Names and values of a query, percent-decoded; a repeated name has several values. */
export type Query = ReadonlyMap<string, readonly string[]>;

/** What a scalar member is in JSON. */
export type ScalarKind = 'string' | 'number' | 'boolean';

/** A query as a router, `URLSearchParams` or somebody else gave it. */
export type QueryLike = URLSearchParams | Readonly<Record<string, string | readonly string[]>>;

/** The text after `?`; `undefined` when its percent-encoding is malformed. */
export function parseQuery(text: string): Query | undefined {
  const query = new Map<string, string[]>();
  if (text === '') return query;
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const cut = pair.indexOf('=');
    const name = decodeComponent((cut === -1 ? pair : pair.slice(0, cut)).replaceAll('+', ' '));
    const value = decodeComponent((cut === -1 ? '' : pair.slice(cut + 1)).replaceAll('+', ' '));
    if (name === undefined || value === undefined) return undefined;
    const values = query.get(name);
    if (values) values.push(value);
    else query.set(name, [value]);
  }
  return query;
}

/** A query that was taken apart elsewhere. */
export function queryFrom(query: QueryLike): Query {
  if (query instanceof URLSearchParams) return new Map([...query.keys()].map((name) => [name, query.getAll(name)]));
  return new Map(Object.entries(query).map(([name, value]) => [name, typeof value === 'string' ? [value] : value]));
}

/** The query's text, without `?`. */
export function formatQuery(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

/** As URL parsers write it themselves, which encode "'" in a query, so that nothing on the way changes the text. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27');
}

/** Percent-decoded; `undefined` when malformed, be it the encoding or the UTF-8 below it. */
export function decodeComponent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The scalar that a text stands for; a text that stands for none stays as it is, for the schema to refuse. */
export function fromText(kind: ScalarKind, text: string): string | number | boolean {
  if (kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  // JSON's grammar of numbers: no "0x10", no " 5", no "05", no "".
  if (kind === 'number' && /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  return text;
}
