import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';

/** A `map` of nginx: a variable that another decides. */
export interface Mapping {
  readonly directive: Directive;
  /** The variable that decides, without `$`. */
  readonly source: string;
  /** By what the other is, as a whole. */
  readonly entries: ReadonlyMap<string, string>;
  readonly otherwise: string;
  /** Why it can't be asked for; `undefined` when it can. */
  readonly fault: string | undefined;
}

/** Reads the `map` of a block, by the variables that they make. */
export function readMappings(http: Scope, problems: NginxProblems): ReadonlyMap<string, Mapping> {
  const mappings = new Map<string, Mapping>();
  for (const directive of http.own('map')) {
    const [source = '', target = ''] = directive.words;
    if (!/^\$\w+$/.test(target) || directive.words.length !== 2) {
      problems.refuse(directive, 'takes a variable or text, and the variable that it makes');
      continue;
    }
    const entries = new Map<string, string>();
    let otherwise = '';
    let fault = /^\$\w+$/.test(source) ? undefined : `is made by map of ${source}, where one variable is known here`;
    for (const { name, words } of directive.block ?? []) {
      const [value = ''] = words;
      if (name === 'default') otherwise = value;
      else if (name === 'hostnames' || name === 'volatile') continue;
      else if (name.startsWith('~') || /\*/.test(name))
        fault ??= `is made by map with ${name}, where whole texts are known here`;
      else entries.set(name.replace(/^\\/, ''), value);
      if (value.includes('$')) fault ??= 'is made by map of other variables, which is not known here';
    }
    mappings.set(target.slice(1), { directive, source: source.slice(1), entries, otherwise, fault });
  }
  return mappings;
}
