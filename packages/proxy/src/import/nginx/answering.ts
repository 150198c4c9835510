import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import { template, variablesIn, type Known } from './variables.ts';
import type { WrittenFilter } from './written.ts';

/** The listener that a request came to, as far as answers say it. */
export interface Door {
  readonly scheme: 'http' | 'https';
  /** `undefined` at a Unix socket. */
  readonly port: number | undefined;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const BODILESS = [204, 205, 304];

/** The answer of a `return`; `undefined` when it can't be had here. */
export function returned(
  directive: Directive,
  scope: Scope,
  known: Known,
  door: Door,
  problems: NginxProblems,
): WrittenFilter | undefined {
  const { words } = directive;
  const [first = '', second] = words;
  const refuse = (reason: string): undefined => problems.refuse(directive, reason);
  const isUrl = /^(?:https?:\/\/|\$scheme)/.test(first) && second === undefined;
  const status = isUrl ? 302 : Number(first);
  const text = isUrl ? first : second;
  if (words.length === 0 || words.length > 2 || !Number.isInteger(status))
    return refuse('takes a status, and a text or URL');
  if (status === 444) {
    problems.note(directive, 'nginx closes the connection without an answer; here it is 400 with CONNECTION_REFUSED');
    return { type: 'respond', status: 400, code: 'CONNECTION_REFUSED' };
  }
  if (status < 200 || status > 599) return refuse(`has the status ${first}; there are 200 to 599 here`);
  if (REDIRECTS.includes(status) && text !== undefined)
    return redirected(directive, status, text, known, door, scope, problems);
  if (BODILESS.includes(status) || ((text ?? '') === '' && status >= 300)) return { type: 'respond', status };
  const contentType = scope.nearest('default_type')?.words[0] ?? 'text/plain';
  if (text === undefined || variablesIn(text).length === 0)
    return { type: 'respond', status, body: text ?? '', contentType };
  const said = template(text, known);
  if ('fault' in said) return refuse(said.fault);
  return { type: 'respond', status, body: said.text, contentType, template: true };
}

function redirected(
  directive: Directive,
  status: number,
  text: string,
  known: Known,
  door: Door,
  scope: Scope,
  problems: NginxProblems,
): WrittenFilter | undefined {
  const said = template(text, known);
  if ('fault' in said) return problems.refuse(directive, said.fault);
  if (said.text === 'https://{host}{target}' && door.scheme === 'http')
    return { type: 'redirect', scheme: 'https', status };
  const location = said.text.startsWith('/') ? `${originOf(scope, door)}${said.text}` : said.text;
  if (!/\{[a-z]/.test(location)) return { type: 'respond', status, headers: { location } };
  return { type: 'respond', status, headers: { location }, template: true };
}

/** What nginx puts before a path in `Location`. */
export function originOf(scope: Scope, { scheme, port }: Door): string {
  const isOff = (name: string): boolean => scope.nearest(name)?.words[0] === 'off';
  if (isOff('absolute_redirect')) return '';
  const isUsual = port === undefined || port === (scheme === 'https' ? 443 : 80);
  return isUsual || isOff('port_in_redirect') ? '{scheme}://{host}' : `{scheme}://{host}:${port}`;
}
