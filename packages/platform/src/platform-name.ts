/** Names that the platform itself goes by, and that no service or external may bear. */
const RESERVED_NAMES: readonly string[] = ['gateway', 'control', 'postgres', 'broker'];

/** What has a name in a blueprint: the platform itself, or a service or external of it. */
export type Named = 'platform' | 'member';

/** Why something can't have this name, as the end of a sentence that begins with it; `undefined` when it can. */
export function nameFault(name: string, what: Named): string | undefined {
  if (!/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(name))
    return 'must be lower-case letters, digits and dashes, at most 40, beginning with a letter and not ending with a dash';
  if (what === 'member' && RESERVED_NAMES.includes(name))
    return `is a name of the platform's own parts (${RESERVED_NAMES.join(', ')}); choose another`;
  return undefined;
}
