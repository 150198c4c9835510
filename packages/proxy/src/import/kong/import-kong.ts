// A configuration of Kong as ours:
//   import-kong.ts        the way through
//   environment.ts        references to the environment; kong-form.ts, what may be written; kong-report.ts, what there is to say
//   entities.ts           everything by itself, references followed; names.ts
//   clusters.ts           services, upstreams and targets; routes.ts with paths.ts; listeners.ts with certificates
//   plugin-chain.ts       which plugins work at a route; plugin-kinds.ts lists them, plugin-import.ts is one, plugins/ are they
//   consumer-book.ts      what filters are told of consumers
import { invalidSnapshot } from '../../snapshot/invalid-snapshot.ts';
import { issueMessage, shapeProblems } from '../../snapshot/shape-problems.ts';
import { formatPlace, type Place, type PlacedProblem } from '../../snapshot/snapshot-problem.ts';
import { readSource, type SourceText, type TextPosition } from '../../snapshot/source-text.ts';
import type { Imported, Importer, ImportOrigin, WrittenSnapshot } from '../imported.ts';
import { affinityOf, clusterOf, whereaboutsOf } from './clusters.ts';
import { consumerBook } from './consumer-book.ts';
import { entitiesOf, nameOf, type Service } from './entities.ts';
import { filledIn, resolved } from './environment.ts';
import { kongForm, type KongFile } from './kong-form.ts';
import { KongReport } from './kong-report.ts';
import { listenersOf } from './listeners.ts';
import { Names } from './names.ts';
import { PluginChains } from './plugin-chain.ts';
import type { WrittenFilter } from './plugin-import.ts';
import { routesOf, type RankedRoute, type Way } from './routes.ts';
import { unusedParts, vaultPrefixes } from './other-parts.ts';

type ReadText = Extract<SourceText, { readonly kind: 'read' }>;

/**
 * Reads a declarative configuration of Kong (`_format_version` 1.1, 2.1 and 3.0), as Kong and decK write it.
 * @throws SNAPSHOT_INVALID with everything that has no place here
 */
export const importKong: Importer = (text, origin) => {
  const filled = filledIn(text, origin.env);
  if (filled.faults.length > 0)
    throw invalidSnapshot(
      origin.file,
      filled.faults.map((fault) => ({ path: '', ...fault })),
    );
  const source = readSource(filled.text);
  if (source.kind === 'malformed')
    throw invalidSnapshot(
      origin.file,
      source.faults.map((fault) => ({ path: '', ...fault })),
    );
  const report = new KongReport();
  const value = resolved(source.value, origin.env, vaultPrefixes(source.value), report);
  const read = kongForm.safeParse(value, { error: issueMessage });
  if (!read.success) throw refused(origin, source, [...report.problems, ...shapeProblems(read.error.issues)]);
  const imported = importFile(read.data, source, report);
  if (report.problems.length > 0) throw refused(origin, source, report.problems);
  return imported;
};

function importFile(file: KongFile, source: ReadText, report: KongReport): Imported {
  const version = versionOf(file, report);
  const entities = entitiesOf(file, report);
  unusedParts(file, report);
  const places = new Map<object, Place>();
  const wrote = (part: object, place: Place): void => void places.set(part, place);
  const names = new Names();
  const clusters: WrittenSnapshot['clusters'] = {};
  const ways = new Map<Service['value'], Way>();
  for (const service of entities.services) {
    const where = whereaboutsOf(service, report);
    if (where === undefined) continue;
    const cluster = names.give(nameOf(service.value) || where.host);
    const written = clusterOf(service, where, entities.upstreams, report);
    wrote(written, service.place);
    clusters[cluster] = written;
    const readTimeoutMs = service.value.read_timeout ?? 60_000;
    ways.set(service.value, {
      cluster,
      where,
      readTimeoutMs,
      affinity: affinityOf(service, where, entities.upstreams, report),
    });
  }
  const hasPlainPasswords = file._transform ?? true;
  const chains = new PluginChains({
    entities,
    consumers: consumerBook(entities.consumers, hasPlainPasswords, report),
    hasPlainPasswords,
    shared: file._plugin_configs ?? {},
    report,
    wrote,
  });
  const listeners = listenersOf(entities, report);
  const routeNames = new Names();
  const ranked = entities.routes.flatMap((route) =>
    routesOf(route, {
      version,
      names: routeNames,
      report,
      listeners: listeners.map(({ name }) => name),
      way: ({ service }) => service && ways.get(service.value),
      chain: (each) => chains.of(each),
      wrote,
    }),
  );
  chains.finish();
  if (ranked.length > 0)
    report.note(
      ['_format_version'],
      'everything',
      'tells of errors by problem documents (RFC 9457) instead of { "message": … }',
    );
  const { filters, routes } = shared(inOrder(ranked));
  const written: WrittenSnapshot = { listeners, ...(filters.length === 0 ? {} : { filters }), routes, clusters };
  return {
    of: 'Kong',
    written,
    notes: report.notes
      .map(({ place, what, note }) => ({ line: source.locate(place, false).line, what, note }))
      .toSorted((a, b) => a.line - b.line),
    locate: (place) => locateIn(written, place, places, source),
  };
}

/** The filters that all routes begin with, by themselves: plugins for everything are written once, however many routes there are. */
function shared(routes: WrittenSnapshot['routes']): {
  readonly filters: WrittenFilter[];
  readonly routes: WrittenSnapshot['routes'];
} {
  const [first, ...others] = routes;
  const alike =
    first?.filters?.findIndex((filter, at) => others.some(({ filters = [] }) => filters[at] !== filter)) ?? 0;
  const count = alike === -1 ? (first?.filters?.length ?? 0) : alike;
  const filters = (first?.filters ?? []).slice(0, count);
  if (count === 0 || others.length === 0) return { filters: [], routes };
  for (const route of routes) {
    const own = (route.filters ?? []).slice(count);
    if (own.length === 0) delete route.filters;
    else route.filters = own;
  }
  return { filters, routes };
}

/** In Kong's order; routes whose order paths alone do not tell get a priority. */
function inOrder(ranked: readonly RankedRoute[]): WrittenSnapshot['routes'] {
  const sorted = ranked.toSorted((a, b) => compare(b.rank, a.rank));
  // Within a class the longer path comes first, which is the order that they stand in; but here hosts come before paths.
  const byHosts = new Set(sorted.filter(({ hasOpenHosts }) => hasOpenHosts).map(({ rank }) => classOf(rank)));
  const keys = sorted.map(({ rank }) => (byHosts.has(classOf(rank)) ? rank.join(' ') : classOf(rank)));
  const classes = [...new Set(keys)];
  if (classes.length === 1) return sorted.map(({ written }) => written);
  return sorted.map(({ written }, at) =>
    Object.assign(written, { priority: classes.length - 1 - classes.indexOf(keys[at] ?? '') }),
  );
}

function classOf(rank: readonly number[]): string {
  return rank.slice(0, -1).join(' ');
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The line of the entity that a part of ours was made of. */
function locateIn(
  written: unknown,
  place: Place,
  places: ReadonlyMap<object, Place>,
  source: ReadText,
): TextPosition | undefined {
  let part = written;
  let found: Place | undefined;
  for (const step of place) {
    if (typeof part !== 'object' || part === null) break;
    // `as`: it is an object, of which any member may be asked for.
    part = (part as Readonly<Record<PropertyKey, unknown>>)[step];
    if (typeof part === 'object' && part !== null) found = places.get(part) ?? found;
  }
  return found && source.locate(found, false);
}

function versionOf(file: KongFile, report: KongReport): string {
  if (file._format_version !== undefined) return file._format_version;
  const texts = [...(file.routes ?? []), ...(file.services ?? []).flatMap(({ routes = [] }) => routes)].flatMap(
    ({ paths = [] }) => paths,
  );
  const version = texts.some((path) => path.startsWith('~')) ? '3.0' : '1.1';
  report.note([], 'the file', `says no _format_version and is read as ${version}`);
  return version;
}

function refused({ file }: ImportOrigin, source: ReadText, problems: readonly PlacedProblem[]) {
  return invalidSnapshot(
    file,
    problems.map(({ place, isKey = false, message }) => ({
      path: formatPlace(place),
      message,
      ...source.locate(place, isKey),
    })),
  );
}
