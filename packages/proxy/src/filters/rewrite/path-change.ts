import { z } from 'zod';
import { pathFault } from '../../engine/passage-path.ts';
import { patternFault } from '../../match/linear-pattern.ts';
import { matchingPath, parameterName } from '../../match/request-path.ts';
import { readTarget } from '../../match/request-target.ts';
import { re2js } from '../../on-demand.ts';

const PLACEHOLDER = /\{([A-Za-z_]\w*)\}/g;
const GROUP = /\$(?:(\d)|\{(\w+)\}|(\$))/g;

const path = z.string().superRefine((text, context) => {
  const read = readTarget(text);
  const fault = text.includes('?') ? 'may not have a query' : read.kind === 'ambiguous' ? read.reason : undefined;
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `${fault}; such requests are refused` });
});
const regex = z.string().superRefine((source, context) => {
  const message = patternFault(source);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const rule = z
  .strictObject({
    prefix: path.optional().describe('These first segments become `to`; what follows stays.'),
    template: path.optional().describe('The whole path, with {name} or :name for any one segment.'),
    regex: regex.optional().describe("The whole path, in RE2's syntax."),
    to: z
      .string()
      .describe('The new path; alone, of every request. May hold {name} of a template, $1 and ${name} of a regex.'),
  })
  .superRefine((written, context) => {
    const message = ruleFault(written);
    if (message !== undefined) context.addIssue({ code: 'custom', message, path: ['to'] });
  });

/** How a path becomes another, as it is written down: one rule, or several of which the first that fits counts. */
export const pathChangeSchema = z.union([rule, z.array(rule).min(1)]);

type PathRule = z.output<typeof rule>;
type PathChangeSpec = z.output<typeof pathChangeSchema>;

/** The path that another becomes, as it is sent; `undefined` when it does not fit. */
type PathChange = (path: string) => string | undefined;

/**
 * Changes paths by the first rule that fits. They are compared as routes compare them, decoded once, so that no other
 * spelling gets around a rule. What is taken over keeps its spelling, or is encoded anew where an expression has cut it.
 * A path without change stays as it is; one that would become ambiguous is refused with `ambiguous`.
 */
export function pathChange(spec: PathChangeSpec): (path: string) => string | { readonly ambiguous: string } {
  const changes = (Array.isArray(spec) ? spec : [spec]).map(changeOf);
  return (before) => {
    // `OPTIONS *` is about no path.
    if (before === '*') return before;
    for (const change of changes) {
      const after = change(before);
      if (after === undefined) continue;
      const ambiguous = pathFault(after);
      return ambiguous === undefined ? after : { ambiguous };
    }
    return before;
  };
}

/** What rules do, in a sentence. */
export function pathChangeWords(spec: PathChangeSpec): string {
  return (Array.isArray(spec) ? spec : [spec])
    .map((written) => {
      const { prefix, template, regex: pattern, to } = written;
      if (prefix !== undefined) return `${prefix} and below becomes ${to}`;
      return `${template ?? (pattern === undefined ? 'every path' : `what matches ${pattern}`)} becomes ${to}`;
    })
    .join(', else ');
}

function ruleFault({ prefix, template, regex: pattern, to }: PathRule): string | undefined {
  if ([prefix, template, pattern].filter((each) => each !== undefined).length > 1)
    return 'write one of prefix, template and regex beside it';
  let sample = to;
  if (template !== undefined) {
    const names = parametersOf(template).filter((name) => name !== undefined);
    const unknown = [...to.matchAll(PLACEHOLDER)].find(([, name = '']) => !names.includes(name));
    if (unknown !== undefined) return `has ${unknown[0]}, which the template has not`;
    sample = to.replaceAll(PLACEHOLDER, 'x');
  } else if (pattern !== undefined) {
    if (patternFault(pattern) !== undefined) return undefined;
    const compiled = re2js().RE2JS.compile(pattern);
    const groups = Object.keys(compiled.namedGroups());
    const unknown = [...to.matchAll(GROUP)].find(
      ([, number, name]) =>
        (number !== undefined && Number(number) > compiled.groupCount()) ||
        (name !== undefined && !groups.includes(name) && !(Number(name) <= compiled.groupCount())),
    );
    if (unknown !== undefined) return `has ${unknown[0]}, which the regex has not`;
    // Of what a group holds nothing is known yet: it may be a path.
    sample = to.replace(/^\$(?:\d|\{\w+\})/, '/x').replaceAll(GROUP, 'x');
  }
  const read = readTarget(sample);
  if (/[?{}]/.test(sample)) return 'may hold neither ? nor braces; a query is changed under query';
  return read.kind === 'ambiguous' ? `${read.reason}; such requests are refused` : undefined;
}

function changeOf({ prefix, template, regex: pattern, to }: PathRule): PathChange {
  if (prefix !== undefined) return prefixChange(prefix, to);
  if (template !== undefined) return templateChange(template, to);
  if (pattern !== undefined) return regexChange(pattern, to);
  return () => to;
}

/** As the Gateway API's ReplacePrefixMatch: by whole segments, with one slash between what is new and what stays. */
function prefixChange(prefix: string, to: string): PathChange {
  const wanted = matchingPath(prefix).split('/').slice(1);
  if (wanted.at(-1) === '') wanted.pop();
  const start = to.endsWith('/') ? to.slice(0, -1) : to;
  return (before) => {
    const segments = before.split('/').slice(1);
    if (wanted.some((segment, at) => segment !== matchingPath(segments[at] ?? ''))) return undefined;
    const rest = before === '/' ? [] : segments.slice(wanted.length);
    return rest.length === 0 ? start || '/' : `${start}/${rest.join('/')}`;
  };
}

/** By segments; those that are taken over keep their spelling. */
function templateChange(template: string, to: string): PathChange {
  const wanted = matchingPath(template).split('/');
  const names = parametersOf(template);
  return (before) => {
    const segments = before.split('/');
    if (segments.length !== wanted.length) return undefined;
    const values = new Map<string, string>();
    for (const [at, segment] of segments.entries()) {
      const name = names[at];
      if (name === undefined ? matchingPath(segment) !== wanted[at] : segment === '') return undefined;
      if (name !== undefined) values.set(name, segment);
    }
    return to.replaceAll(PLACEHOLDER, (_whole, name: string) => values.get(name) ?? '');
  };
}

/** In time in proportion to the path (RE2). */
function regexChange(pattern: string, to: string): PathChange {
  const compiled = re2js().RE2JS.compile(pattern);
  return (before) => {
    const matcher = compiled.matcher(matchingPath(before));
    if (!matcher.matches()) return undefined;
    return to.replaceAll(GROUP, (_whole, number?: string, name?: string, dollar?: string) => {
      if (dollar !== undefined) return '$';
      const group = number ?? (/^\d+$/.test(name ?? '') ? name : undefined);
      return encoded(matcher.group(group === undefined ? (name ?? '') : Number(group)) ?? '');
    });
  };
}

function parametersOf(template: string): readonly (string | undefined)[] {
  return template.split('/').map(parameterName);
}

/** Decoded text as part of a path (RFC 3986, section 3.3). */
function encoded(text: string): string {
  return encodeURI(text).replaceAll(/[?#]/g, encodeURIComponent);
}
