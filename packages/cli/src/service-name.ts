import { nameFault } from '@fairlead/platform';

/** Words that are no variable, which a service's name becomes in its own code. */
const WORDS = new Set(
  'await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof using var void while with yield assert service test'.split(
    ' ',
  ),
);

/** Why no platform or service can be made with this name, in a sentence; `undefined` when one can. */
export function newNameFault(name: string, what: 'platform' | 'service'): string | undefined {
  const fault = nameFault(name, what === 'platform' ? 'platform' : 'member');
  if (fault !== undefined) return `"${name}" can't be the name of a ${what}: it ${fault}`;
  return what === 'service' && WORDS.has(name)
    ? `"${name}" is a word of the code that is made; choose another`
    : undefined;
}
