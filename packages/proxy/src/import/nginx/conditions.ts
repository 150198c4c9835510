import { patternFault } from '../../match/linear-pattern.ts';
import { re2js } from '../../on-demand.ts';
import type { Directive } from './directive.ts';
import { wholeExpression } from './places.ts';
import type { Mapping } from './mapping.ts';
import type { Known } from './variables.ts';

/** When an `if` holds: for the filter `when`; or for all requests of the listener, or none. */
export type Condition =
  | { readonly kind: 'when'; readonly when: { readonly is: object } | { readonly isNot: object } }
  | { readonly kind: 'always' | 'never' }
  | { readonly kind: 'fault'; readonly reason: string };

const fault = (reason: string): Condition => ({ kind: 'fault', reason });

/** Reads the condition of an `if`, where variables of `known` have one value for all requests. */
export function readCondition({ words }: Directive, known: Known & { readonly scheme: string }): Condition {
  const text = words.join(' ').trim();
  const inner = /^\(\s*([\s\S]*?)\s*\)$/.exec(text)?.[1];
  if (inner === undefined) return fault('takes a condition in parentheses');
  const [, variable = '', operator = '', value = ''] =
    /^\$\{?(\w+)\}?(?:\s*(!?=|!?~\*?)\s*([\s\S]*))?$/.exec(inner) ?? [];
  if (variable === '')
    return fault(`has the condition ${inner}, which is not known here: it is not about one variable`);
  if (variable === 'invalid_referer')
    return fault('asks for $invalid_referer: Referer is what anybody can write; it is not known here');
  const test = testOf(operator, value);
  if (typeof test === 'string') return fault(test);
  const constant =
    variable === 'scheme'
      ? known.scheme
      : variable === 'https'
        ? known.scheme === 'https'
          ? 'on'
          : ''
        : known.values.get(variable);
  if (constant !== undefined && !/\{[a-z]/.test(constant))
    return { kind: matches(test, constant) === test.isNegated ? 'never' : 'always' };
  const mapping = known.mappings.get(variable);
  if (mapping === undefined) return about(variable, test);
  if (mapping.fault !== undefined) return fault(`asks for $${variable}, which ${mapping.fault}`);
  return mapped(mapping, test);
}

/** A test of what a map makes, as one of what it is made of. */
function mapped({ source, entries, otherwise }: Mapping, test: Test): Condition {
  const holds = (value: string): boolean => matches(test, value) !== test.isNegated;
  // Whatever isn't there is as the default is; so are its keys that mean the same.
  const isUsual = holds(otherwise);
  const others = [...entries].filter(([, value]) => holds(value) !== isUsual).map(([key]) => key);
  if (others.length === 0) return { kind: isUsual ? 'always' : 'never' };
  const keys = `(?:${others.map(quoted).join('|')})`;
  return about(source, { rule: { regex: keys }, isNegated: isUsual });
}

interface Test {
  /** Of the whole text. */
  readonly rule: { readonly exact: string } | { readonly regex: string };
  readonly isNegated: boolean;
}

function testOf(operator: string, value: string): Test | string {
  // Alone, a variable holds when it is neither empty nor 0.
  if (operator === '') return { rule: { regex: '(?s:[^0].*|0.+)' }, isNegated: false };
  const isNegated = operator.startsWith('!');
  if (operator.endsWith('=')) {
    if (value.includes('$')) return 'compares with another variable, which is not known here';
    return { rule: { exact: value }, isNegated };
  }
  const regex = wholeExpression(value, operator.endsWith('*'));
  const wrong = patternFault(regex);
  return wrong === undefined ? { rule: { regex }, isNegated } : `has an expression that ${wrong}`;
}

function matches({ rule }: Test, text: string): boolean {
  return 'exact' in rule ? rule.exact === text : re2js().RE2JS.compile(rule.regex).testExact(text);
}

function about(variable: string, test: Test): Condition {
  const { rule } = test;
  const [, kind, name = ''] = /^(http|arg|cookie)_(\w+)$/.exec(variable) ?? [];
  if (kind === 'http') return valued('headers', name.toLowerCase().replaceAll('_', '-'), test);
  if (kind === 'arg') return valued('query', name, test);
  if (kind === 'cookie') return valued('cookies', name, test);
  switch (variable) {
    case 'request_method': {
      const methods = 'exact' in rule ? [rule.exact] : METHODS.filter((method) => matches(test, method));
      if (!methods.every((method) => /^[A-Z][A-Z0-9_-]*$/.test(method)) || methods.length === 0)
        return { kind: test.isNegated ? 'always' : 'never' };
      return when({ method: methods }, test);
    }
    case 'host': {
      // The field may name a port.
      const regex = 'exact' in rule ? quoted(rule.exact.toLowerCase()) : rule.regex;
      return when({ headers: { host: { regex: `(?i)(?:${regex})(?::\\d*)?` } } }, test);
    }
    case 'content_type':
      return valued('headers', 'content-type', test);
    case 'uri':
    case 'document_uri':
      return when({ path: 'exact' in rule ? { regex: quoted(rule.exact) } : { regex: rule.regex } }, test);
    case 'request_uri': {
      // A beginning that is plain text is all within the path.
      if ('exact' in rule || !/^[\w/-]*\(\?s:\.\*\)$/.test(rule.regex))
        return fault('asks for $request_uri by more than its beginning, which is not known here; ask for $uri');
      return when({ path: { regex: rule.regex } }, test);
    }
    case 'remote_addr':
      if ('exact' in rule) return when({ client: rule.exact }, test);
      return fault('asks for $remote_addr by an expression; use allow and deny, which know blocks of addresses');
    default:
      return fault(`asks for $${variable}, which is not known here`);
  }
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND', 'PURGE'];

/** A value that may be missing, which is an empty text to nginx. */
function valued(about: 'headers' | 'query' | 'cookies', name: string, test: Test): Condition {
  const isOfEmpty = matches(test, '');
  const { rule } = test;
  if (!isOfEmpty) return when({ [about]: { [name]: rule } }, test);
  // What isn't there fits, too: so whoever has another value does not.
  if ('exact' in rule)
    return when({ [about]: { [name]: { regex: '(?s:.+)' } } }, { ...test, isNegated: !test.isNegated });
  return when([{ [about]: { [name]: { present: false } } }, { [about]: { [name]: rule } }], test);
}

function when(match: object, { isNegated }: Test): Condition {
  return { kind: 'when', when: isNegated ? { isNot: match } : { is: match } };
}

function quoted(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}
