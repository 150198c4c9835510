import { createHash } from 'node:crypto';

/** JSON with members in the order of their names, at every depth: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) => (isRecord(inner) ? sorted(inner) : inner)) ?? 'null';
}

/** SHA-256 of a value's canonical JSON, in base64url. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url');
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  // Names that look like numbers come first whatever is asked, so a null-prototype object built in order is stable too.
  const names = Object.keys(record).toSorted();
  const result: Record<string, unknown> = Object.create(null);
  for (const name of names) result[name] = record[name];
  return result;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
