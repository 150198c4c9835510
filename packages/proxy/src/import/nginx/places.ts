import { patternFault } from '../../match/linear-pattern.ts';
import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import { Scope } from './scope.ts';

/** A `location` of nginx. */
export interface Place {
  /** `=`; a prefix; `^~`, a prefix that expressions don't outrank; `~` and `~*`; `@`. */
  readonly kind: 'exact' | 'prefix' | 'preferred' | 'regex' | 'named';
  /** The path, the beginning, the expression (RE2, of the whole path), or the name. */
  readonly text: string;
  readonly directive: Directive;
  readonly scope: Scope;
  readonly nested: readonly Place[];
}

/** Reads the locations of a block. */
export function readPlaces(scope: Scope, problems: NginxProblems): readonly Place[] {
  const seen = new Map<string, Directive>();
  return scope.own('location').flatMap((directive) => {
    if (directive.block === undefined) return [];
    const read = readPlace(directive, scope, problems);
    if (read === undefined) return [];
    const key = `${read.kind === 'preferred' ? 'prefix' : read.kind} ${read.text}`;
    const before = seen.get(key);
    // Of two expressions that are the same, the first counts.
    if (before !== undefined && read.kind !== 'regex') {
      problems.refuse(directive, `is there already, on line ${before.at.line}`);
      return [];
    }
    seen.set(key, directive);
    return [read];
  });
}

function readPlace(directive: Directive, parent: Scope, problems: NginxProblems): Place | undefined {
  const read = kindOf(directive);
  if (read === undefined) {
    problems.refuse(directive, 'takes a path, or one of =, ^~, ~ and ~* before it');
    return undefined;
  }
  const { kind, text } = read;
  const fault =
    kind === 'regex' ? patternFault(text) : kind === 'named' || text.startsWith('/') ? undefined : 'must begin with /';
  if (fault !== undefined) {
    problems.refuse(directive, kind === 'regex' ? `has an expression that ${fault}` : fault);
    return undefined;
  }
  const scope = new Scope(directive.block ?? [], parent);
  const nested = readPlaces(scope, problems);
  for (const each of nested) {
    const isInside = each.kind === 'regex' || each.text.startsWith(text);
    if (kind === 'exact' || kind === 'named')
      problems.refuse(each.directive, `can not stand in a location with ${kind === 'exact' ? '=' : '@'}`);
    else if (kind === 'regex')
      problems.refuse(each.directive, 'stands in a location with an expression; write one expression for both');
    else if (!isInside || each.kind === 'named')
      problems.refuse(each.directive, `is outside of the location ${text} that it stands in`);
  }
  return { kind, text, directive, scope, nested };
}

function kindOf({ words }: Directive): Pick<Place, 'kind' | 'text'> | undefined {
  const [first = '', second, ...more] = words;
  if (first === '' || more.length > 0) return undefined;
  if (second === undefined) {
    // A modifier may stand right before its path.
    const [, modifier, text] = /^(=|\^~|~\*|~)(.+)$/.exec(first) ?? [];
    if (modifier !== undefined && text !== undefined) return placeOf(modifier, text);
    return first.startsWith('@') ? { kind: 'named', text: first } : { kind: 'prefix', text: first };
  }
  return placeOf(first, second);
}

function placeOf(modifier: string, text: string): Pick<Place, 'kind' | 'text'> | undefined {
  switch (modifier) {
    case '=':
      return { kind: 'exact', text };
    case '^~':
      return { kind: 'preferred', text };
    case '~':
      return { kind: 'regex', text: wholeExpression(text, false) };
    case '~*':
      return { kind: 'regex', text: wholeExpression(text, true) };
    default:
      return undefined;
  }
}

/** An expression of nginx, which may match anywhere, as one that matches the whole text; its groups stay what they are. */
export function wholeExpression(source: string, ignoresCase: boolean): string {
  const flags = ignoresCase ? '(?i)' : '';
  const body = /[|]/.test(source) ? `(?:${source})` : source;
  const isPlain = body === source;
  const begins = isPlain && source.startsWith('^');
  const ends = isPlain && /(?:^|[^\\])(?:\\\\)*\$$/.test(source);
  const bare = source.slice(begins ? 1 : 0, ends ? -1 : undefined);
  return `${flags}${begins ? '' : '(?s:.*?)'}${isPlain ? bare : body}${ends ? '' : '(?s:.*)'}`;
}
