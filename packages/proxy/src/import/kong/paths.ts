import { patternFault } from '../../match/linear-pattern.ts';

/** A path of a route, read: characters that paths begin with, or an expression that their beginning matches. */
export type KongPath =
  | { readonly kind: 'plain'; readonly text: string; readonly index: number }
  | { readonly kind: 'regex'; readonly pattern: string; readonly index: number };

/** Characters that a path without meaning of its own has; other paths were expressions before `~` said so. */
const PLAIN = /^[A-Za-z0-9.\-_~/%]*$/;

/** Reads a path. From 3.0 on, `~` begins an expression; before, all were that had other characters than a path has. */
export function readPath(text: string, index: number, version: string): KongPath | { readonly fault: string } {
  const isRegex = version === '3.0' ? text.startsWith('~') : !PLAIN.test(text);
  if (!isRegex) {
    if (!text.startsWith('/'))
      return { fault: `must begin with /${version === '3.0' ? ', or with ~ when it is an expression' : ''}` };
    const other = /[?#\s\\]/.exec(text);
    if (other !== null) return { fault: `has ${JSON.stringify(other[0])}, which no path of a request has` };
    return { kind: 'plain', text, index };
  }
  const source = (text.startsWith('~') ? text.slice(1) : text).replace(/^\^/, '');
  // Named groups as RE2 has them; \/ is a slash.
  const pattern = source.replaceAll(/\(\?<(?=[A-Za-z_])/g, '(?P<').replaceAll('\\/', '/');
  const fault = patternFault(pattern);
  return fault === undefined ? { kind: 'regex', pattern, index } : { fault };
}

/** The match of a path. */
export function matchOfPath(path: KongPath): { readonly startsWith: string } | { readonly regex: string } {
  if (path.kind === 'plain') return { startsWith: path.text };
  return { regex: wholePattern(path.pattern) };
}

/** Kong's expressions match a beginning, ours the whole. */
function wholePattern(pattern: string): string {
  if (/[^\\]\$$/.test(pattern) && !pattern.includes('|')) return pattern.slice(0, -1);
  return pattern.includes('|') ? `(?:${pattern})(?s:.*)` : `${pattern}(?s:.*)`;
}

interface PathRewrite {
  readonly prefix?: string;
  readonly regex?: string;
  readonly to: string;
}

/** How paths go upstream. */
export interface PathHandling {
  /** Whether the part that matched is left out. */
  readonly strips: boolean;
  readonly handling: 'v0' | 'v1';
  /** What the service has before all paths. */
  readonly base: string;
}

/** The rules that make of a request's path that of the service; empty when it stays. */
export function rewriteOf(
  path: KongPath | undefined,
  { strips, handling, base }: PathHandling,
): readonly PathRewrite[] {
  const matched = strips ? path : undefined;
  const to = substitute(base);
  if (handling === 'v1') {
    if (matched === undefined) return base === '/' ? [] : [{ regex: '/(.*)', to: `${to}$1` }];
    const source = matched.kind === 'plain' ? quoted(matched.text) : `(?:${matched.pattern})`;
    const group = matched.kind === 'plain' ? 1 : groupsOf(matched.pattern) + 1;
    return [{ regex: `${source}${base.endsWith('/') ? '/?' : ''}(.*)`, to: `${to}\${${group}}` }];
  }
  const bare = to.endsWith('/') ? to.slice(0, -1) : to;
  if (matched === undefined || (matched.kind === 'plain' && matched.text === '/')) {
    if (base === '/') return [];
    return [...(base.endsWith('/') ? [{ regex: '/', to }] : []), { prefix: '/', to: base }];
  }
  if (matched.kind === 'plain') {
    const { text } = matched;
    return [
      { prefix: text, to: base },
      { regex: `${quoted(text)}(.*)`, to: `${bare}/$1` },
    ];
  }
  const group = groupsOf(matched.pattern) + 1;
  return [
    { regex: `(?:${matched.pattern})`, to: bare || '/' },
    { regex: `(?:${matched.pattern})/?(.*)`, to: `${bare}/\${${group}}` },
  ];
}

/** Of a text an expression that matches it alone. */
export function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function substitute(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** How many groups an expression has. */
function groupsOf(pattern: string): number {
  const plain = pattern.replaceAll(/\\./g, '').replaceAll(/\[[^\]]*\]/g, '');
  return (plain.match(/\((?!\?)|\(\?P</g) ?? []).length;
}
