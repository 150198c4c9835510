const PATTERN = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
/** Words that are no variable, which a service's name becomes in its own code. */
const WORDS = new Set(
  'await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof using var void while with yield assert service test'.split(
    ' ',
  ),
);
const OWN = ['gateway', 'control', 'postgres', 'broker'];

/** Why a platform or service can't have this name, in a sentence; `undefined` when it can. */
export function nameFault(name: string, what: 'platform' | 'service'): string | undefined {
  if (!PATTERN.test(name))
    return `"${name}" is no name of a ${what}: lower-case letters, digits and dashes, at most 40, beginning with a letter and not ending with a dash`;
  if (what === 'platform') return undefined;
  if (OWN.includes(name)) return `"${name}" is a name of the platform's own parts (${OWN.join(', ')}); choose another`;
  return WORDS.has(name) ? `"${name}" is a word of the code that is made; choose another` : undefined;
}
