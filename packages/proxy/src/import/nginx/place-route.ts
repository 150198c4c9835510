import { addressFilters, passwordFilters, type AdmitWorld } from './admitting.ts';
import { toldFields } from './answer-fields.ts';
import { returned, type Door } from './answering.ts';
import { askingFilters, saidByService, type AskingWorld } from './asking.ts';
import { cacheFilters } from './caching.ts';
import { readCondition } from './conditions.ts';
import type { Directive } from './directive.ts';
import { errorPages } from './error-pages.ts';
import { gzipFilters } from './compressing.ts';
import { KNOWN_DIRECTIVES, treatmentOf } from './known-directives.ts';
import { limitsOf, type LimitWorld } from './limiting.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Place } from './places.ts';
import { askedFields, locationFilters, readPassing, rewriteFilter } from './proxying.ts';
import { queryEdit, readRewrite, type Rewrite } from './rewriting.ts';
import { Scope } from './scope.ts';
import { durationText, sizeBytes, sizeText, timeMs } from './units.ts';
import { template, type Known } from './variables.ts';
import type { WrittenFilter, WrittenRoute } from './written.ts';

/** What a place is read with. */
export interface PlaceWorld extends LimitWorld, AdmitWorld, AskingWorld {
  readonly known: Known;
  readonly door: Door;
  /** Paths that `error_page` names. */
  readonly errorPlaces: ReadonlySet<string>;
}

/** What a place does with its requests. */
export type PlaceRoute = Pick<WrittenRoute, 'to' | 'timeout' | 'timeoutOf' | 'maxBody'> & {
  readonly filters: WrittenFilter[];
};

/** What the rewriting of a block comes to. */
interface Rewriting {
  readonly filters: readonly WrittenFilter[];
  /** Those of `rewrite … break`, of which the first that fits counts. */
  readonly breaks: readonly Rewrite[];
  /** Whether every request has its answer. */
  readonly isAnswered: boolean;
  readonly known: Known;
}

const REWRITING = ['set', 'if', 'rewrite', 'return', 'break'];

/** `set`, `if`, `rewrite` and `return` of a block, in their order. Rewrites that lead to another location are none of its affair. */
export function rewritingOf(scope: Scope, known: Known, world: PlaceWorld): Rewriting {
  const { problems, origins, door } = world;
  const values = new Map(known.values);
  const now: Known = { ...known, values };
  const filters: WrittenFilter[] = [];
  const breaks: Rewrite[] = [];
  const push = (directive: Directive, filter: WrittenFilter | undefined): void => {
    if (filter === undefined) return;
    // What a path has become is no longer what the next one asks about.
    if (breaks.length > 0) problems.refuse(directive, 'stands behind a rewrite with break; write it before');
    filters.push(origins.from(directive, filter));
  };
  for (const directive of scope.directives.filter(({ name }) => REWRITING.includes(name))) {
    switch (directive.name) {
      case 'set': {
        const [variable = '', value = ''] = directive.words;
        const read = template(value, now);
        if (!/^\$\w+$/.test(variable) || directive.words.length !== 2)
          problems.refuse(directive, 'takes a variable and a value');
        else if ('fault' in read) problems.refuse(directive, read.fault);
        else values.set(variable.slice(1), read.text);
        break;
      }
      case 'return':
        push(directive, returned(directive, scope, now, door, problems));
        return { filters, breaks, isAnswered: true, known: now };
      case 'break':
        return { filters, breaks, isAnswered: false, known: now };
      case 'rewrite': {
        const rewrite = readRewrite(directive, problems);
        if (rewrite?.then === 'break') breaks.push(rewrite);
        else if (rewrite !== undefined && (rewrite.then === 'redirect' || rewrite.then === 'permanent'))
          push(directive, redirecting(rewrite, world));
        break;
      }
      default:
        push(directive, conditional(directive, scope, now, world));
    }
  }
  return { filters, breaks, isAnswered: false, known: now };
}

/** An `if` with `return`, or a `rewrite` that sends clients elsewhere. */
function conditional(directive: Directive, scope: Scope, known: Known, world: PlaceWorld): WrittenFilter | undefined {
  const { problems, door } = world;
  const condition = readCondition(directive, { ...known, scheme: door.scheme });
  if (condition.kind === 'fault') return problems.refuse(directive, condition.reason);
  const inner = new Scope(directive.block ?? [], scope);
  const odd = inner.directives.find(({ name }) => name !== 'return' && name !== 'rewrite' && name !== 'break');
  if (odd !== undefined)
    return problems.refuse(odd, 'in an if is not known here; there are return, and rewrite with redirect or permanent');
  const filters: WrittenFilter[] = [];
  for (const each of inner.directives) {
    if (each.name === 'return') {
      const filter = returned(each, inner, known, door, problems);
      if (filter !== undefined) filters.push(filter);
      break;
    }
    if (each.name === 'break') continue;
    const rewrite = readRewrite(each, problems);
    if (rewrite === undefined) continue;
    if (rewrite.then !== 'redirect' && rewrite.then !== 'permanent')
      problems.refuse(
        each,
        'in an if leads to another location, which is not known here; only redirect and permanent are',
      );
    else {
      const filter = redirecting(rewrite, world);
      if (filter !== undefined) filters.push(filter);
    }
  }
  const [only] = filters;
  if (condition.kind === 'never' || only === undefined) return undefined;
  return condition.kind === 'always' && filters.length === 1
    ? only
    : {
        type: 'when',
        ...(condition.kind === 'always' ? { is: {} } : condition.kind === 'when' ? condition.when : {}),
        filters,
      };
}

/** A `rewrite` that sends clients elsewhere. */
function redirecting(rewrite: Rewrite, world: PlaceWorld): WrittenFilter | undefined {
  const redirect = redirectOf(rewrite, world);
  // Others go on.
  return redirect && { type: 'when', is: { path: { regex: rewrite.regex } }, filters: [redirect] };
}

function redirectOf(rewrite: Rewrite, { problems, door }: PlaceWorld): WrittenFilter | undefined {
  const { directive, regex, to, query, keepsQuery, then } = rewrite;
  const status = then === 'permanent' ? 301 : 302;
  if (query !== undefined)
    return problems.refuse(directive, 'adds to the query of a redirect, which is not known here');
  const [, scheme, authority, path] = /^(https?|\$scheme):\/\/([^/]+)(\/.*)?$/.exec(to) ?? [];
  const kept = keepsQuery ? {} : { query: 'drop' };
  if (scheme === undefined) {
    if (!to.startsWith('/') && !to.startsWith('$1'))
      return problems.refuse(directive, `leads to ${to}, which is no path and no URL`);
    const port =
      door.port === undefined || door.port === (door.scheme === 'https' ? 443 : 80) ? {} : { port: door.port };
    return { type: 'redirect', ...port, path: { regex, to }, status, ...kept };
  }
  const [, host, port] = /^(\$host|\$http_host|[\w.-]+)(?::(\d+))?$/.exec(authority ?? '') ?? [];
  if (host === undefined)
    return problems.refuse(directive, `leads to the host ${authority}, which is not known before there is a request`);
  return {
    type: 'redirect',
    ...(scheme === '$scheme' ? {} : { scheme }),
    ...(host.startsWith('$') ? {} : { host }),
    ...(port === undefined ? {} : { port: Number(port) }),
    path: { regex, to: path ?? '/' },
    status,
    ...kept,
  };
}

/** What a location does, with what the server has done before. */
export function placeRoute(
  place: Place,
  before: Rewriting,
  arrived: readonly Rewrite[],
  world: PlaceWorld,
): PlaceRoute {
  const { scope, directive } = place;
  const { problems, origins, clusters, door } = world;
  const limits = { maxBody: maxBodyOf(scope, world) };
  const rewriting = rewritingOf(scope, before.known, world);
  const { known } = rewriting;
  const said = saidByService(scope, problems);
  const asked = askedFields(scope, known, said, problems);
  const told = toldFields(scope, known, said, world);
  const pages = errorPages(scope, known, door, world);
  const pass = scope.own('proxy_pass')[0];
  const passing = pass === undefined || rewriting.isAnswered ? undefined : readPassing(pass, place, known, world);
  const moves = passing?.isAsCame === true ? [] : arrived;
  const arriving = moves.map((rewrite): WrittenFilter => {
    const { regex, to } = rewrite;
    return origins.from(rewrite.directive, { type: 'rewrite', path: { regex, to }, ...queryEdit(rewrite) });
  });
  const early = [...pages, ...told.filters, ...before.filters, ...arriving, ...rewriting.filters];
  if (rewriting.isAnswered) return { filters: early, ...limits };
  const guards = [
    ...limitsOf(scope, known, world),
    ...methodFilters(scope, world),
    ...addressFilters(scope.level('allow', 'deny'), world),
    ...passwordFilters(scope, world),
    ...askingFilters(scope, known, { upstream: asked.ofService, answer: told.ofService }, world, (inner) =>
      rewritingOf(inner, known, world),
    ),
  ];
  checkUnasked(scope, problems);
  // `deny all` answers everything.
  if (guards.some(({ type }) => type === 'respond')) return { filters: [...early, ...guards], ...limits };
  if (pass === undefined && world.errorPlaces.has(place.text))
    return { filters: [...early, { type: 'respond', status: 404, code: 'NO_ROUTE' }], ...limits };
  if (pass === undefined) return { filters: [...early, ...guards, ...unserved(scope, directive, world)], ...limits };
  if (passing === undefined) return { filters: early, ...limits };
  const paths = rewriteFilter(passing.isAsCame ? [] : rewriting.breaks, passing);
  const fields = fieldFilters(asked);
  const hash = clusters.hashBy.get(passing.cluster);
  const readMs = timeMs(scope.nearest('proxy_read_timeout')?.words[0] ?? '') ?? 60_000;
  return {
    filters: [
      ...early,
      ...guards,
      ...(hash === undefined ? [] : affinity(hash, known, world)),
      ...gzipFilters(scope, world),
      ...locationFilters(scope, pass, place, { known, door, problems }).map((filter) => origins.from(pass, filter)),
      ...cacheFilters(scope, world),
      ...paths.map((filter) => origins.from(pass, filter)),
      ...fields.map((filter) => origins.from(scope.level('proxy_set_header')[0] ?? pass, filter)),
    ],
    to: passing.cluster,
    timeout: durationText(readMs),
    timeoutOf: 'silence',
    ...limits,
  };
}

function fieldFilters({ set, remove }: ReturnType<typeof askedFields>): readonly WrittenFilter[] {
  if (Object.keys(set).length === 0 && remove.length === 0) return [];
  const omitEmpty = Object.values(set).some((value) => value.includes('{')) ? { omitEmpty: true } : {};
  const request = {
    ...(Object.keys(set).length === 0 ? {} : { set, ...omitEmpty }),
    ...(remove.length === 0 ? {} : { remove }),
  };
  return [{ type: 'headers', request }];
}

function affinity(hash: Directive, known: Known, { problems, origins }: PlaceWorld): readonly WrittenFilter[] {
  const by = template(hash.words[0] ?? '', known);
  if ('text' in by) return [origins.from(hash, { type: 'affinity', by: by.text })];
  problems.refuse(hash, by.fault);
  return [];
}

/** `limit_except`, as far as it keeps methods away. */
function methodFilters(scope: Scope, world: PlaceWorld): readonly WrittenFilter[] {
  const { problems, origins } = world;
  return scope.own('limit_except').flatMap((directive) => {
    const inner = new Scope(directive.block ?? [], undefined);
    const odd = inner.directives.find(({ name }) => name !== 'allow' && name !== 'deny');
    if (odd !== undefined) problems.refuse(odd, 'in limit_except is not known here; there are allow and deny');
    const filters = addressFilters(inner.level('allow', 'deny'), world);
    const methods = directive.words.includes('GET') ? [...directive.words, 'HEAD'] : directive.words;
    return filters.length === 0
      ? []
      : [origins.from(directive, { type: 'when', isNot: { method: [...methods] }, filters })];
  });
}

const OTHERWISE = [
  ['proxy_send_timeout', 'what goes upstream counts for proxy_read_timeout, too: nothing may be still for so long'],
  ['proxy_next_upstream_timeout', 'how often others are asked is limited, not for how long'],
] as const;

function checkUnasked(scope: Scope, problems: NginxProblems): void {
  const satisfy = scope.nearest('satisfy');
  if (satisfy?.words[0] === 'any')
    problems.refuse(satisfy, 'any is not known here; write the filter any-of into the converted configuration');
  const body = scope.nearest('proxy_pass_request_body');
  if (body?.words[0] === 'off' && scope.own('internal').length === 0)
    problems.refuse(
      body,
      'leaves the body of a request out, which is known here for the location of auth_request only',
    );
  const fields = scope.nearest('proxy_pass_request_headers');
  if (fields?.words[0] === 'off' && scope.own('internal').length === 0)
    problems.refuse(
      fields,
      'leaves all fields of a request out, which is known here for the location of auth_request only',
    );
  for (const [name, note] of OTHERWISE) {
    const directive = scope.nearest(name);
    if (directive !== undefined) problems.note(directive, note);
  }
  for (const name of ['proxy_method', 'proxy_ssl_certificate', 'proxy_ssl_trusted_certificate', 'proxy_ssl_name']) {
    const directive = scope.nearest(name);
    if (directive !== undefined) problems.refuse(directive, 'is not known here');
  }
  const verify = scope.nearest('proxy_ssl_verify');
  const pass = scope.own('proxy_pass')[0];
  if (verify?.words[0] !== 'on' && pass?.words[0]?.startsWith('https:') === true)
    problems.note(
      pass,
      'the certificate of what is behind is verified, which nginx does with proxy_ssl_verify on only',
    );
}

/** Whether something in a block is refused that would answer its requests. */
function isRefused(scope: Scope): boolean {
  return scope.directives.some(({ name, words }) => {
    const known = KNOWN_DIRECTIVES.get(name);
    return known !== undefined && treatmentOf(known, words).kind === 'refused';
  });
}

/** A location without proxy_pass and return has files, which are not served. */
function unserved(scope: Scope, directive: Directive, { problems }: PlaceWorld): readonly WrittenFilter[] {
  if (isRefused(scope)) return [];
  if (scope.own('rewrite').length > 0 && scope.own('root').length + scope.own('alias').length === 0) {
    problems.note(directive, 'what its rewrites leave is answered with 404; nginx looks for a file');
    return [{ type: 'respond', status: 404, code: 'NO_ROUTE' }];
  }
  const files = [...scope.own('alias'), ...scope.own('root'), ...scope.own('index')][0] ?? scope.nearest('root');
  const what =
    files === undefined
      ? 'has neither proxy_pass nor return, so that nginx'
      : `has neither proxy_pass nor return, so that with ${files.name} nginx`;
  problems.refuse(
    directive,
    `${what} serves files, which a gateway does not; put a server of files behind it and pass requests on with proxy_pass`,
  );
  return [];
}

function maxBodyOf(scope: Scope, { problems }: PlaceWorld): string {
  const directive = scope.nearest('client_max_body_size');
  const bytes = sizeBytes(directive?.words[0] ?? '1m');
  if (directive !== undefined && bytes === undefined)
    problems.refuse(directive, `has ${directive.words.join(' ')}, which is no size`);
  return bytes === 0 ? '1000000GiB' : sizeText(bytes ?? 1_048_576);
}
