import { z } from 'zod';

const name = z.string().min(1);
const values = z.record(name, z.string());

/** How a query becomes another, as it is written down. */
export const queryChangeSchema = z.strictObject({
  set: values.optional().describe('Parameters by name, in place of all that come under it.'),
  add: values.optional().describe('Parameters by name, beside those that come under it.'),
  remove: z.array(name).optional().describe('Parameters that are left out.'),
});

/** As `queryChangeSchema` reads it. */
export type QueryChangeSpec = z.output<typeof queryChangeSchema>;

/**
 * Changes queries; what isn't named stays as it was spelled. Names are compared as they are read, so `%61` is `a` and `+` a blank.
 * @returns of a query (empty, or beginning with `?`) another
 */
export function queryChange({ set = {}, add = {}, remove = [] }: QueryChangeSpec): (query: string) => string {
  const gone = new Set([...remove, ...Object.keys(set)]);
  const more = [...Object.entries(set), ...Object.entries(add)].map(
    ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`,
  );
  return (query) => {
    const pairs = query
      .slice(1)
      .split('&')
      .filter((pair) => pair !== '' && !gone.has(nameOf(pair)));
    const all = [...pairs, ...more].join('&');
    return all === '' ? '' : `?${all}`;
  };
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
