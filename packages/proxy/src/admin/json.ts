import type { Json } from './shown-config.ts';

/** A value as JSON carries it: without members that are undefined; what is no finite number becomes a text. */
export function json(value: object): { [name: string]: Json } {
  // `as`: what JSON carries of an object is one, of JSON's values.
  return JSON.parse(
    JSON.stringify(value, (_name, inner: unknown) =>
      typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner,
    ),
  ) as { [name: string]: Json };
}
