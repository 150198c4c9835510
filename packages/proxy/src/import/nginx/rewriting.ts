import { patternFault } from '../../match/linear-pattern.ts';
import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import { wholeExpression } from './places.ts';

/** A `rewrite` of nginx. */
export interface Rewrite {
  readonly directive: Directive;
  /** In RE2's syntax, of the whole path. */
  readonly regex: string;
  /** As paths of our filters are written: groups as `$1`. Without the query. */
  readonly to: string;
  /** What is added to the query; `undefined` for nothing. */
  readonly query: string | undefined;
  readonly keepsQuery: boolean;
  readonly then: 'last' | 'break' | 'redirect' | 'permanent' | 'go-on';
}

/** Reads a `rewrite`; `undefined` when it can't be had here. */
export function readRewrite(directive: Directive, problems: NginxProblems): Rewrite | undefined {
  const [source = '', replacement = '', flag, ...more] = directive.words;
  const refuse = (reason: string): undefined => problems.refuse(directive, reason);
  if (replacement === '' || more.length > 0)
    return refuse('takes an expression, what it becomes, and one flag or none');
  if (flag !== undefined && !['last', 'break', 'redirect', 'permanent'].includes(flag))
    return refuse(`has the flag ${flag}; there are last, break, redirect and permanent`);
  const regex = wholeExpression(source, false);
  const fault = patternFault(regex);
  if (fault !== undefined) return refuse(`has an expression that ${fault}`);
  const read = readReplacement(replacement);
  if ('fault' in read) return refuse(read.fault);
  // `as`: it is one of these, or none, by what was just asked.
  const then = (flag ?? 'go-on') as Rewrite['then'];
  const isElsewhere = /^(?:https?:\/\/|\$scheme)/.test(replacement);
  return { directive, regex, ...read, then: isElsewhere && then !== 'permanent' ? 'redirect' : then };
}

/** What a path becomes, as our filters write it. */
export function readReplacement(
  text: string,
): Pick<Rewrite, 'to' | 'query' | 'keepsQuery'> | { readonly fault: string } {
  const bare = text.replace(/\?\$(?:args|query_string)$|\$is_args\$(?:args|query_string)$/, '');
  const question = bare.indexOf('?');
  const path = question === -1 ? bare : bare.slice(0, question);
  const query = question === -1 ? undefined : bare.slice(question + 1);
  const keepsQuery = query === undefined || !query.endsWith('?');
  const isWhole = query === '' ? text !== bare : keepsQuery;
  const unknown = [...path.matchAll(/\$\{?([A-Za-z_]\w*)\}?/g)]
    .map(([, name]) => name ?? '')
    .filter((name) => !/^\d/.test(name));
  if (unknown.length > 0 && !/^\$scheme:\/\/\$(?:host|http_host)/.test(path))
    return { fault: `has $${unknown[0]} in a path, where only groups ($1) are known here` };
  if (/[{}]/.test(path.replaceAll(/\$\{\d\}/g, ''))) return { fault: 'has braces in a path, which is not known here' };
  if (query !== undefined && query.includes('$'))
    return { fault: 'has a variable in the query, which is not known here' };
  const to = path.replaceAll(/\$\{(\d)\}/g, '$$$1');
  return { to, query: query === '' || query === undefined ? undefined : query.replace(/\?$/, ''), keepsQuery: isWhole };
}

/** A query as `rewrite` of ours adds it. */
export function queryEdit({ query, keepsQuery }: Pick<Rewrite, 'query' | 'keepsQuery'>): object {
  if (query === undefined) return keepsQuery ? {} : { query: 'drop' };
  const add = Object.fromEntries(new URLSearchParams(query));
  return { query: { add } };
}
