// A configuration of nginx as one of ours:
//   read-words.ts, read-directives.ts   text → directives with their lines, includes taken in; known-directives.ts, scope.ts
//   listening.ts, listeners.ts          where servers listen, and by which names they are found
//   places.ts, place-order.ts           locations, in an order in which the first that fits is nginx's; find-place.ts,
//                                       relocating.ts those that rewrites lead to
//   site.ts, place-route.ts             a server's routes: rewriting.ts, conditions.ts, answering.ts, error-pages.ts, limiting.ts,
//                                       admitting.ts, certifying.ts, asking.ts (auth_request), caching.ts, proxying.ts, answer-fields.ts
//   clusters.ts, upstreams.ts           whom routes lead to
//   variables.ts, mapping.ts, units.ts  texts and quantities; nginx-problems.ts what is refused, and what is otherwise
import { patternFault } from '../../match/linear-pattern.ts';
import { invalidSnapshot } from '../../snapshot/invalid-snapshot.ts';
import type { Place as PlaceInText } from '../../snapshot/snapshot-problem.ts';
import type { TextPosition } from '../../snapshot/source-text.ts';
import type { Imported, ImportOrigin, Importer } from '../imported.ts';
import { Clusters } from './clusters.ts';
import type { Directive } from './directive.ts';
import { limitedName, sameRoutes, type ListenedSite } from './same-routes.ts';
import { readZones } from './limiting.ts';
import { readListens, readServerNames } from './listening.ts';
import { listenerOf, socketsOf, type Socket } from './listeners.ts';
import { readMappings } from './mapping.ts';
import { NginxProblems } from './nginx-problems.ts';
import { readPlaces, wholeExpression, type Place } from './places.ts';
import { readDirectives } from './read-directives.ts';
import { MisreadText } from './read-words.ts';
import { checkBlock, Scope } from './scope.ts';
import { siteRoutes, type Site } from './site.ts';
import { readUpstream } from './upstreams.ts';
import type { Known } from './variables.ts';
import { Origins, type WrittenRoute } from './written.ts';

/**
 * Reads a configuration of nginx as one of ours.
 * @throws SNAPSHOT_INVALID with everything that has no place here, by line
 */
export const importNginx: Importer = (text, origin) => {
  const problems = new NginxProblems(origin.file);
  const imported = translated(text, origin, problems);
  if (problems.problems.length > 0 || imported === undefined) throw invalidSnapshot(origin.file, problems.problems);
  return imported;
};

function translated(text: string, origin: ImportOrigin, problems: NginxProblems): Imported | undefined {
  let directives: readonly Directive[];
  try {
    directives = readDirectives(text, origin);
  } catch (error) {
    if (!(error instanceof MisreadText)) throw error;
    problems.refuseAt(error.at, '', error.message);
    return undefined;
  }
  // A file may be what is included into http.
  const isPart = !directives.some(({ name }) => name === 'http') && directives.some(({ name }) => name === 'server');
  if (!isPart) checkBlock(directives, 'main', problems);
  const [http, second] = directives.filter(({ name }) => name === 'http');
  if (second !== undefined) problems.refuse(second, 'is there already');
  const scope = new Scope(isPart ? directives : (http?.block ?? []), undefined);
  checkHttp(scope, problems);
  if (scope.own('server').length === 0)
    problems.refuseAt(
      { file: origin.file, line: http?.at.line ?? 1, column: http?.at.column ?? 1 },
      'http',
      'has no server, so that there is nothing to listen at',
    );
  return written(scope, origin, problems);
}

/** Looks at all blocks within. */
function checkHttp(scope: Scope, problems: NginxProblems): void {
  checkBlock(scope.directives, 'http', problems);
  for (const { block = [] } of scope.own('upstream')) checkBlock(block, 'upstream', problems);
  for (const { block = [] } of scope.own('server')) {
    checkBlock(block, 'server', problems);
    checkWithin(block, problems);
  }
}

function checkWithin(directives: readonly Directive[], problems: NginxProblems): void {
  for (const { name, block } of directives) {
    if (block === undefined || (name !== 'location' && name !== 'if' && name !== 'limit_except')) continue;
    checkBlock(block, name, problems);
    checkWithin(block, problems);
  }
}

function written(http: Scope, origin: ImportOrigin, problems: NginxProblems): Imported {
  const origins = new Origins();
  const upstreams = http.own('upstream').map((directive) => readUpstream(directive, problems));
  for (const [at, { name, directive }] of upstreams.entries())
    if (upstreams.findIndex((each) => each.name === name) < at) problems.refuse(directive, `${name} is there already`);
  const clusters = new Clusters(new Map(upstreams.map((each) => [each.name, each])), origins);
  const zones = readZones(http, problems);
  const mappings = readMappings(http, problems);
  const sites = http.own('server').map((directive): Site => {
    const scope = new Scope(directive.block ?? [], http);
    const names = readServerNames(scope, problems, (source) => wholeExpression(source, false), patternFault);
    return { directive, scope, names, listens: readListens(directive, scope, problems) };
  });
  const placesOf = new Map(sites.map((site) => [site, readPlaces(site.scope, problems)]));
  const sockets = socketsOf(sites, problems);
  const common = { problems, origins, clusters, zones, include: origin.include };
  const all = sockets.flatMap((socket) =>
    socket.listens.flatMap(({ site }): readonly ListenedSite[] => {
      const hosts = hostsOf(site, socket, problems);
      if (hosts === 'none') return [];
      const places = placesOf.get(site) ?? [];
      const routes = siteRoutes(site, {
        ...common,
        places,
        errorPlaces: errorPlacesOf(site.scope, places),
        known: knownOf(site, socket, mappings),
        door: { scheme: socket.isTls ? 'https' : 'http', port: socket.port },
      });
      const label = limitedName(site.names.first === '' || site.names.first === '_' ? socket.name : site.names.first);
      return [{ site: label, listener: socket.name, hosts, routes }];
    }),
  );
  const routes = sameRoutes(
    all,
    sockets.map(({ name }) => name),
    origins,
  );
  const snapshot = {
    listeners: sockets.map((socket) => listenerOf(socket, common)),
    filters: [{ type: 'headers', answer: { remove: hiddenFields(http) } }],
    routes: routes.map((route): WrittenRoute => route),
    clusters: clusters.written,
  };
  return {
    of: 'nginx',
    written: snapshot,
    notes: problems.notes,
    locate: (place) => locate(snapshot, place, origins, origin.file),
  };
}

/** What nginx keeps of upstreams' answers to itself. */
function hiddenFields(http: Scope): readonly string[] {
  const shown = new Set<string>();
  const look = (directives: readonly Directive[]): void => {
    for (const { name, words, block } of directives) {
      if (name === 'proxy_pass_header') shown.add((words[0] ?? '').toLowerCase());
      if (block !== undefined) look(block);
    }
  };
  look(http.directives);
  const hidden = [
    'server',
    'x-pad',
    'x-accel-expires',
    'x-accel-redirect',
    'x-accel-limit-rate',
    'x-accel-buffering',
    'x-accel-charset',
  ];
  return hidden.filter((name) => !shown.has(name));
}

function errorPlacesOf(scope: Scope, places: readonly Place[]): ReadonlySet<string> {
  const named = [scope, ...places.map((place) => place.scope)].flatMap((each) => each.level('error_page'));
  return new Set(named.map(({ words }) => words.at(-1) ?? ''));
}

/** Variables that have one value for all requests of a server at a socket. */
function knownOf({ names }: Site, { port, isTls }: Socket, mappings: Known['mappings']): Known {
  return {
    mappings,
    values: new Map([
      ['server_name', names.first],
      ['server_port', String(port ?? '')],
      ['https', isTls ? 'on' : ''],
      ...(port === undefined ? [] : [['proxy_protocol_server_port', String(port)] as const]),
    ]),
  };
}

/** By which hosts a server is found at a socket; `undefined` for all. */
function hostsOf(
  site: Site,
  { listens, fallback, address }: Socket,
  problems: NginxProblems,
): WrittenRoute['hosts'] | 'none' {
  const others = listens.map((each) => each.site).filter((each) => each !== site);
  const before = listens
    .map((each) => each.site)
    .slice(
      0,
      listens.findIndex((each) => each.site === site),
    );
  const key = (host: unknown): string => JSON.stringify(host);
  const taken = new Set(before.flatMap((each) => each.names.hosts.map(key)));
  const own = [...new Map(site.names.hosts.map((host) => [key(host), host])).values()];
  const double = own.find((host) => taken.has(key(host)));
  if (double !== undefined)
    problems.note(
      site.scope.own('server_name')[0] ?? site.directive,
      `another server at ${address} has the same name and comes first`,
    );
  const hosts = own.filter((host) => !taken.has(key(host)));
  if (site === fallback) {
    const isSpecial = (host: unknown): boolean => typeof host !== 'string' || host.includes('*');
    // Its own names come before the wildcards of others.
    return hosts.length > 0 && others.some((each) => each.names.hosts.some(isSpecial)) ? [...hosts, '*'] : undefined;
  }
  if (hosts.length > 0) return hosts;
  problems.note(
    site.directive,
    `no request finds it at ${address}: it has no name of its own there and is not the default`,
  );
  return 'none';
}

/** Where the part of what is written comes from: the nearest around it that somebody wrote. */
function locate(whole: unknown, place: PlaceInText, origins: Origins, file: string): TextPosition | undefined {
  let part = whole;
  let found: TextPosition | undefined;
  for (const step of place) {
    if (typeof part !== 'object' || part === null) break;
    // `as`: an object has any member, perhaps without a value.
    part = (part as Readonly<Record<PropertyKey, unknown>>)[step];
    const spot = origins.of(part);
    if (spot !== undefined) found = spot.file === file ? spot : undefined;
  }
  return found;
}
