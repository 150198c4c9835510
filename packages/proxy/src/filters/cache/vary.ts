import type { Passage } from '../../engine/filter.ts';

/** Fields of a request, as far as answers may depend on them. */
export interface SentFields {
  get(name: string): string | undefined;
}

/** What a request has by the time that it goes on: filters may have set what its client didn't send. */
export function sentBy({ fields, upstreamEdits }: Pick<Passage, 'fields' | 'upstreamEdits'>): SentFields {
  if (upstreamEdits === undefined) return fields;
  return { get: (name) => (upstreamEdits.has(name) ? upstreamEdits.get(name) : fields.get(name)) };
}

/** Fields of a request that an answer depends on, by lower-case name, as they were normalised; `undefined` where it had none. */
export type Selecting = readonly (readonly [name: string, value: string | undefined])[];

/** Lists whose order and case mean nothing: preferences are told by weights (RFC 9110, section 12.5). */
const PREFERENCES = new Set(['accept-charset', 'accept-encoding', 'accept-language']);

/** The fields that `Vary` names, lower-case, each once and in order; `undefined` when it is `*`: nobody can tell. */
export function varyNames(vary: string | undefined): readonly string[] | undefined {
  if (vary === undefined) return [];
  const names = new Set<string>();
  for (const part of vary.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '*') return undefined;
    if (name !== '') names.add(name);
  }
  return [...names].toSorted();
}

/** What a request has of the fields that an answer depends on. */
export function selectingOf(names: readonly string[], fields: SentFields): Selecting {
  return names.map((name) => [name, normalised(name, fields.get(name))] as const);
}

/** Whether a request has the same of them (RFC 9111, section 4.1). */
export function selects(selecting: Selecting, fields: SentFields): boolean {
  for (const [name, value] of selecting) if (normalised(name, fields.get(name)) !== value) return false;
  return true;
}

/**
 * A field's value as it is compared. Of fields that we know, spaces, case and order of the list don't count; of others the lines are
 * joined, and nothing else is known of what may differ.
 */
function normalised(name: string, value: string | undefined): string | undefined {
  if (value === undefined || !PREFERENCES.has(name)) return value;
  return value
    .toLowerCase()
    .split(',')
    .map((part) => part.replaceAll(/[ \t]/g, ''))
    .filter((part) => part !== '')
    .toSorted()
    .join(',');
}
