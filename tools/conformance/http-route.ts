/** The members of an HTTPRoute of the Gateway API that are looked at. */
export interface HttpRoute {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly parentRefs?: readonly { readonly name: string; readonly sectionName?: string; readonly port?: number }[];
    readonly hostnames?: readonly string[];
    readonly rules?: readonly Rule[];
  };
}

interface Named {
  readonly name: string;
  readonly value: string;
  readonly type?: 'Exact' | 'RegularExpression';
}

interface Rule {
  readonly matches?: readonly {
    readonly path?: { readonly type?: string; readonly value?: string };
    readonly method?: string;
    readonly headers?: readonly Named[];
    readonly queryParams?: readonly Named[];
  }[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly filters?: readonly Filter[];
  readonly backendRefs?: readonly (BackendRef & { readonly weight?: number; readonly filters?: unknown })[];
}

interface BackendRef {
  readonly name: string;
  readonly namespace?: string;
  readonly kind?: string;
}

interface Filter {
  readonly type: string;
  readonly requestHeaderModifier?: Edits;
  readonly responseHeaderModifier?: Edits;
  readonly requestRedirect?: {
    readonly scheme?: string;
    readonly hostname?: string;
    readonly port?: number;
    readonly path?: PathChange;
    readonly statusCode?: number;
  };
  readonly requestMirror?: {
    readonly backendRef: BackendRef;
    readonly percent?: number;
    readonly fraction?: unknown;
  };
  readonly cors?: {
    readonly allowOrigins?: readonly string[];
    readonly allowMethods?: readonly string[];
    readonly allowHeaders?: readonly string[];
    readonly exposeHeaders?: readonly string[];
    readonly allowCredentials?: boolean;
    readonly maxAge?: number;
  };
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathChange };
}

interface PathChange {
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

interface Edits {
  readonly set?: readonly Named[];
  readonly add?: readonly Named[];
  readonly remove?: readonly string[];
}

const AWAY = 'a backend that is not there or not allowed is the controller’s affair';

/** Routes in our form, or why there is no such route here. */
export type Translated = { readonly routes: readonly object[] } | { readonly why: string };

/** An HTTPRoute in our form, one route a rule. */
export function translated({ metadata, spec }: HttpRoute, backends: ReadonlySet<string>): Translated {
  const routes: object[] = [];
  const isHere = ({ name, kind, namespace = metadata.namespace }: BackendRef): boolean =>
    backends.has(name) && kind === undefined && namespace === metadata.namespace;
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    const { matches = [], filters = [], backendRefs = [], timeouts = {} } = rule;
    const timeout = timeouts.backendRequest ?? timeouts.request;
    const ours: object[] = [];
    const prefix = matches[0]?.path?.value ?? '/';
    for (const filter of filters) {
      const copied = filter.requestMirror?.backendRef;
      if (copied !== undefined && !isHere(copied)) return { why: AWAY };
      const one = filterOf(filter, prefix);
      if (typeof one === 'string') return { why: one };
      ours.push(one);
    }
    const redirects = filters.some(({ type }) => type === 'RequestRedirect');
    if (!backendRefs.every(isHere) || (backendRefs.length === 0 && !redirects)) return { why: AWAY };
    if (backendRefs.some((each) => each.filters !== undefined)) return { why: 'filters of a backend are not spoken' };
    routes.push({
      name: `${metadata.name}-${index}`,
      ...(spec.hostnames === undefined ? {} : { hosts: spec.hostnames }),
      ...(matches.length === 0 ? {} : { match: matches.map(matchOf) }),
      to: redirects ? [...backends][0] : backendRefs.map((each) => ({ cluster: each.name, weight: each.weight ?? 1 })),
      ...(ours.length === 0 ? {} : { filters: ours }),
      // There is one attempt, so its time and that of the request are the same; 0 is for ever.
      ...(timeout === undefined ? {} : { timeout }),
    });
  }
  return { routes };
}

/** A filter of ours, or why there is none. */
function filterOf(filter: Filter, prefix: string): object | string {
  const { requestRedirect: redirect, urlRewrite: rewrite, requestMirror: mirror, cors } = filter;
  if (redirect !== undefined) {
    const { scheme, hostname: host, port, path, statusCode: status } = redirect;
    return { type: 'redirect', scheme, host, port, status, path: path && pathChangeOf(path, prefix) };
  }
  if (rewrite !== undefined) {
    return { type: 'rewrite', host: rewrite.hostname, path: rewrite.path && pathChangeOf(rewrite.path, prefix) };
  }
  if (mirror !== undefined) {
    const { backendRef, percent, fraction } = mirror;
    // How many of many requests are copied is not in the answer to one.
    if (percent !== undefined || fraction !== undefined) return 'its expectations are no list of requests';
    return { type: 'mirror', to: backendRef.name };
  }
  if (cors !== undefined) return corsOf(cors);
  if (!/^(?:Request|Response)HeaderModifier$/.test(filter.type)) return `the filter ${filter.type} is not translated`;
  const request = editsOf(filter.requestHeaderModifier);
  const answer = editsOf(filter.responseHeaderModifier);
  return { type: 'headers', request, answer };
}

/** GET, HEAD and POST are never asked about. */
function corsOf(cors: NonNullable<Filter['cors']>): object {
  const methods = cors.allowMethods?.filter((method) => !['GET', 'HEAD', 'POST'].includes(method)) ?? [];
  return {
    type: 'cors',
    origins: cors.allowOrigins,
    ...(methods.length === 0 ? {} : { methods }),
    headers: cors.allowHeaders,
    exposed: cors.exposeHeaders,
    credentials: cors.allowCredentials,
    ...(cors.maxAge === undefined ? {} : { maxAge: `${cors.maxAge}s` }),
  };
}

function pathChangeOf({ replaceFullPath, replacePrefixMatch }: PathChange, prefix: string): object {
  return replaceFullPath === undefined ? { prefix, to: replacePrefixMatch } : { to: replaceFullPath };
}

function matchOf({ path, method, headers, queryParams }: NonNullable<Rule['matches']>[number]): object {
  return {
    ...(path === undefined ? {} : { path: pathOf(path.type ?? 'PathPrefix', path.value ?? '/') }),
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined ? {} : { headers: rulesOf(headers, (name) => name.toLowerCase()) }),
    ...(queryParams === undefined ? {} : { query: rulesOf(queryParams, (name) => name) }),
  };
}

function pathOf(type: string, value: string): object {
  if (type === 'Exact') return { exact: value };
  return type === 'RegularExpression' ? { regex: value } : { prefix: value };
}

/** Of several rules for one name the first counts, as the API has it. */
function rulesOf(list: readonly Named[], spelled: (name: string) => string): object {
  const rules: Record<string, object> = {};
  for (const { name, value, type } of list)
    rules[spelled(name)] ??= type === 'RegularExpression' ? { regex: value } : { exact: value };
  return rules;
}

function editsOf(edits: Edits | undefined): object | undefined {
  if (edits === undefined) return undefined;
  const { set, add, remove } = edits;
  const byName = (list: readonly Named[]): object =>
    Object.fromEntries(list.map(({ name, value }) => [name.toLowerCase(), value]));
  return {
    ...(set === undefined ? {} : { set: byName(set) }),
    ...(add === undefined ? {} : { append: byName(add) }),
    ...(remove === undefined ? {} : { remove: remove.map((name) => name.toLowerCase()) }),
  };
}
