import { originOf, type Door } from './answering.ts';
import type { Clusters, Target } from './clusters.ts';
import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Place } from './places.ts';
import { readReplacement, type Rewrite } from './rewriting.ts';
import type { Scope } from './scope.ts';
import { template, variablesIn, type Known } from './variables.ts';
import type { WrittenFilter } from './written.ts';

/** Where a `proxy_pass` leads. */
export interface Passing {
  readonly cluster: string;
  /** What the path becomes, before which those of `rewrite … break` come. */
  readonly paths: readonly object[];
  readonly keepsQuery: boolean;
  /** Whether path and query are those that the client sent, whatever they have become on the way. */
  readonly isAsCame: boolean;
}

/** Reads a `proxy_pass`; `undefined` when it can't be had here. */
export function readPassing(
  directive: Directive,
  place: Pick<Place, 'kind' | 'text' | 'scope'>,
  known: Known,
  { clusters, problems }: { readonly clusters: Clusters; readonly problems: NginxProblems },
): Passing | undefined {
  const refuse = (reason: string): undefined => problems.refuse(directive, reason);
  const [written = '', ...more] = directive.words;
  if (written === '' || more.length > 0) return refuse('takes one URL');
  const url = withValues(written, known);
  const [, scheme = '', rest = ''] = /^(https?):\/\/(.+)$/.exec(url) ?? [];
  if (scheme !== 'http' && scheme !== 'https') {
    const [variable] = variablesIn(url);
    if (variable !== undefined && url.startsWith('$'))
      return refuse(`leads where $${variable} says, which is not known before there is a request`);
    return refuse(`has ${JSON.stringify(url)}, which is no URL of http or https`);
  }
  const [, socket, name = ''] = /^(unix:\/[^:]+)(?::|$)|^([^/?]*?)(?=[/?]|\$request_uri|\$uri|$)/.exec(rest) ?? [];
  const authority = socket ?? name;
  const uri = rest.slice(socket === undefined ? authority.length : `${socket}:`.length);
  const [variable] = variablesIn(authority);
  if (variable !== undefined)
    return refuse(`leads to a host that $${variable} names, which is not known before there is a request`);
  const target: Target = { scheme, authority };
  const cluster = clusters.nameOf(target, place.scope, directive);
  if (cluster === undefined)
    return refuse(`leads to ${JSON.stringify(authority)}, which is no upstream and no address`);
  const passed = pathOf(uri, place, variablesIn(written).length > 0);
  return 'fault' in passed
    ? refuse(passed.fault)
    : withNote({ cluster, ...passed, isAsCame: uri === '$request_uri' }, directive, uri, place, problems);
}

/** The same text with those variables in place that have one value for all requests. */
function withValues(text: string, { values }: Known): string {
  return text.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (whole: string, braced?: string, bare?: string) => {
    const value = values.get(braced ?? bare ?? '');
    return value === undefined || /\{[a-z]/.test(value) ? whole : value;
  });
}

function pathOf(
  uri: string,
  { kind, text }: Pick<Place, 'kind' | 'text'>,
  hasVariables: boolean,
): Pick<Passing, 'paths' | 'keepsQuery'> | { readonly fault: string } {
  if (uri === '' || uri === '$request_uri') return { paths: [], keepsQuery: true };
  if (!variablesIn(uri).some(Boolean)) {
    if (kind === 'regex' || kind === 'named') {
      if (!hasVariables)
        return {
          fault: 'has a path, which can not stand in a location with an expression or a name (nginx refuses it, too)',
        };
      return { paths: [{ to: uri }], keepsQuery: false };
    }
    if (uri.includes('?')) return { fault: 'has a query, which is not known here' };
    if (hasVariables) return { paths: [{ to: uri }], keepsQuery: false };
    return { paths: replaced(text, uri, kind === 'exact'), keepsQuery: true };
  }
  const [, before = '', after] = /^([^$]*)\$(?:request_uri|uri)(\$is_args\$args|\?\$args)?$/.exec(uri) ?? [];
  if (before !== '' || uri.startsWith('$uri')) {
    const keepsQuery = after !== undefined || uri.endsWith('$request_uri');
    const to = before === '' ? [] : [{ regex: '(.*)', to: `${before.replace(/\/$/, '')}$1` }];
    return { paths: to, keepsQuery };
  }
  const read = readReplacement(uri);
  if ('fault' in read) return read;
  if (read.query !== undefined) return { fault: 'has a query, which is not known here' };
  if (kind !== 'regex') return { fault: 'has groups of an expression, and its location has none' };
  return { paths: [{ regex: text, to: read.to }], keepsQuery: /\$args$|\$query_string$/.test(uri) };
}

/** What the beginning of a path becomes, character by character. */
function replaced(from: string, to: string, isExact: boolean): readonly object[] {
  if (isExact) return [{ to }];
  if (from === to) return [];
  const quoted = from.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&');
  if (from.endsWith('/') && to.endsWith('/') && from !== '/') return [{ prefix: from.slice(0, -1), to }];
  const plain = { regex: `${quoted}(.*)`, to: `${to}$1` };
  return to.endsWith('/') && !from.endsWith('/') ? [{ regex: `${quoted}/(.*)`, to: `${to}$1` }, plain] : [plain];
}

function withNote(
  passing: Passing,
  directive: Directive,
  uri: string,
  { kind, text }: Pick<Place, 'kind' | 'text'>,
  problems: NginxProblems,
): Passing {
  if (kind !== 'exact' && kind !== 'regex' && uri.endsWith('/') && !text.endsWith('/') && !uri.includes('$'))
    problems.note(directive, `nginx sends ${uri}/… for ${text}/…, with two slashes; here it is one`);
  return passing;
}

/** What upstreams say in Location as clients know it: `proxy_redirect`, which is on as long as nobody says otherwise. */
export function locationFilters(
  scope: Scope,
  pass: Directive,
  { kind, text }: Pick<Place, 'kind' | 'text'>,
  { known, door, problems }: { readonly known: Known; readonly door: Door; readonly problems: NginxProblems },
): readonly WrittenFilter[] {
  const [url = ''] = pass.words;
  const written = scope.level('proxy_redirect');
  const hasHost = scope
    .level('proxy_set_header')
    .some(({ words: [name = '', value] }) => name.toLowerCase() === 'host' && value !== '$proxy_host');
  const usual = (): readonly { readonly from: string; readonly to: string }[] => {
    if (url.includes('$') || kind === 'regex' || kind === 'named') return [];
    return /^https?:\/\/[^/]+$/.test(url) ? [{ from: `${url}/`, to: '/' }] : [{ from: url, to: text }];
  };
  // Whoever reads the client's host names it.
  const rules =
    written.length === 0 && !hasHost
      ? usual()
      : written.flatMap((directive) => {
          const [from = '', to] = directive.words;
          if (from === 'off') return [];
          if (from === 'default') return usual();
          const read = to === undefined || from.startsWith('~') ? undefined : template(to, known);
          if (read === undefined || from.includes('$'))
            problems.refuse(directive, 'is known here with default, off, or two texts');
          else if ('fault' in read) problems.refuse(directive, read.fault);
          else return [{ from, to: read.text }];
          return [];
        });
  // A path is written as a whole URL.
  const whole = rules.map(({ from, to }) => ({ from, to: to.startsWith('/') ? `${originOf(scope, door)}${to}` : to }));
  return whole.length === 0 ? [] : [{ type: 'relocate', rules: whole }];
}

/** The filters for paths: those of `rewrite … break` first. */
export function rewriteFilter(breaks: readonly Rewrite[], passing: Passing | undefined): readonly WrittenFilter[] {
  const paths = [...breaks.map(({ regex, to }) => ({ regex, to })), ...(passing?.paths ?? [])];
  const drops = passing?.keepsQuery === false;
  if (paths.length === 0 && !drops) return [];
  return [
    {
      type: 'rewrite',
      ...(paths.length === 0 ? {} : { path: paths.length === 1 ? paths[0] : paths }),
      ...(drops ? { query: 'drop' } : {}),
    },
  ];
}

/** Fields that concern a connection: written by whoever sends. */
const OF_CONNECTION = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
]);

/** What upstreams are told, by `proxy_set_header`. */
export interface AskedFields {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  /** Fields whose value is what a service has said that was asked by `auth_request`: by name, its name. */
  readonly ofService: Readonly<Record<string, string>>;
}

/** Reads the `proxy_set_header` of a block: all of it, or all of the nearest block around it that has some. */
export function askedFields(
  scope: Scope,
  known: Known,
  saidByService: ReadonlyMap<string, string>,
  problems: NginxProblems,
): AskedFields {
  const set: Record<string, string> = {};
  const ofService: Record<string, string> = {};
  const remove: string[] = [];
  for (const directive of scope.level('proxy_set_header')) {
    const [field = '', value, ...more] = directive.words;
    const name = field.toLowerCase();
    if (value === undefined || more.length > 0) problems.refuse(directive, 'takes a name and a value');
    else if (OF_CONNECTION.has(name)) continue;
    else if (name === 'host' && (value === '$proxy_host' || value === '')) {
      if (value === '') problems.note(directive, 'a request without Host is none; it is that of proxy_pass');
    } else if (value === '') remove.push(name);
    else {
      const said = saidByService.get(/^\$\{?(\w+)\}?$/.exec(value)?.[1] ?? '');
      if (said !== undefined) {
        ofService[name] = said;
        continue;
      }
      const read = template(value, known);
      if ('fault' in read) problems.refuse(directive, read.fault);
      else set[name] = read.text;
    }
  }
  return { set, remove, ofService };
}
