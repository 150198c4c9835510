import { z } from 'zod';

const name = z.string().min(1);
const values = z.record(name, z.string());

/** How a query becomes another, as it is written down: names are removed and renamed first, then the values as they come here. */
export const queryChangeSchema = z.strictObject({
  set: values.optional().describe('Parameters by name, in place of all that come under it.'),
  replace: values
    .optional()
    .describe('Parameters by name, in place of those that come under it; none where none come.'),
  default: values.optional().describe('Parameters by name, where none come under it.'),
  add: values.optional().describe('Parameters by name, beside those that come under it.'),
  remove: z.array(name).optional().describe('Parameters that are left out.'),
  rename: z
    .record(name, name)
    .optional()
    .describe('Parameters by name, and their new name; takes the place of those that have it.'),
});

/** As `queryChangeSchema` reads it. */
export type QueryChangeSpec = z.output<typeof queryChangeSchema>;

type Pair = readonly [name: string, spelled: string];

/**
 * Changes queries; what isn't named stays as it was spelled. Names are compared as they are read, so `%61` is `a` and `+` a blank.
 * @returns of a query (empty, or beginning with `?`) another
 */
export function queryChange(spec: QueryChangeSpec): (query: string) => string {
  const { set = {}, add = {}, remove = [], rename = {} } = spec;
  const gone = new Set([...remove, ...Object.keys(set)]);
  const renamed = Object.entries(rename).filter(([from, to]) => from !== to);
  const replaced = pairsOf(spec.replace);
  const defaults = pairsOf(spec.default);
  const more = [...pairsOf(set), ...pairsOf(add)];
  return (query) => {
    let pairs: Pair[] = query
      .slice(1)
      .split('&')
      .flatMap((pair): Pair[] => (pair === '' ? [] : [[nameOf(pair), pair]]))
      .filter(([key]) => !gone.has(key));
    const has = (key: string): boolean => pairs.some(([each]) => each === key);
    for (const [from, to] of renamed) {
      if (!has(from)) continue;
      pairs = pairs
        .filter(([key]) => key !== to)
        .map((pair): Pair => (pair[0] === from ? [to, spelledAs(to, pair[1])] : pair));
    }
    for (const pair of replaced) if (has(pair[0])) pairs = [...pairs.filter(([key]) => key !== pair[0]), pair];
    for (const pair of defaults) if (!has(pair[0])) pairs = [...pairs, pair];
    const all = [...pairs, ...more].map(([, spelled]) => spelled).join('&');
    return all === '' ? '' : `?${all}`;
  };
}

function pairsOf(written: Readonly<Record<string, string>> = {}): Pair[] {
  return Object.entries(written).map(([key, value]) => [
    key,
    `${encodeURIComponent(key)}=${encodeURIComponent(value)}`,
  ]);
}

/** The same value under another name. */
function spelledAs(key: string, pair: string): string {
  const equals = pair.indexOf('=');
  return encodeURIComponent(key) + (equals === -1 ? '' : pair.slice(equals));
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  const spelled = (equals === -1 ? pair : pair.slice(0, equals)).replaceAll('+', ' ');
  try {
    return decodeURIComponent(spelled);
  } catch {
    return spelled;
  }
}
