// Routes of Kong against a model of its router: every split route by Kong's own priority, asked one after the other.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fields } from '@fairlead/net';
import type { PassageFacts } from '../../engine/filter.ts';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../../snapshot/read-snapshot.ts';
import { importKong } from './import-kong.ts';

interface Route {
  readonly name: string;
  readonly paths?: readonly string[];
  readonly hosts?: readonly string[];
  readonly methods?: readonly string[];
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly regex_priority?: number;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Kong's bits, from the highest: kinds of rules, only plain hosts, headers, expression, its priority, length. */
function priorityOf(route: Route, path: string | undefined): readonly number[] {
  const kinds = [route.hosts, route.methods].filter((list) => list !== undefined).length;
  const headers = Object.keys(route.headers ?? {}).length;
  const isRegex = path?.startsWith('~') === true;
  const isPlainHost = route.hosts !== undefined && !route.hosts.some((host) => host.includes('*'));
  return [
    kinds + (headers > 0 ? 1 : 0) + (path === undefined ? 0 : 1),
    Number(isPlainHost),
    headers,
    Number(isRegex),
    isRegex ? (route.regex_priority ?? 0) : 0,
    isRegex ? 0 : (path?.length ?? 0),
  ];
}

const hostFits = (pattern: string, host: string): boolean =>
  pattern.startsWith('*')
    ? host.endsWith(pattern.slice(1))
    : pattern.endsWith('*')
      ? host.startsWith(pattern.slice(0, -1))
      : host === pattern;

function fits(route: Route, path: string | undefined, asked: Asked): boolean {
  const { hosts, methods, headers = {} } = route;
  return (
    (path === undefined ||
      (path.startsWith('~') ? new RegExp(`^(?:${path.slice(1)})`).test(asked.path) : asked.path.startsWith(path))) &&
    (hosts === undefined || hosts.some((host) => hostFits(host, asked.host))) &&
    (methods === undefined || methods.includes(asked.method)) &&
    Object.entries(headers).every(([name, values]) => values.includes(asked.headers[name] ?? ''))
  );
}

/** The routes of the highest priority that fit: which of them Kong takes hangs on when they were made. */
function expected(routes: readonly Route[], asked: Asked): readonly string[] {
  const split = routes.flatMap((route) =>
    (route.paths ?? [undefined]).map((path) => ({ route, path, priority: priorityOf(route, path) })),
  );
  const fitting = split.filter(({ route, path }) => fits(route, path, asked));
  const best = fitting.toSorted((a, b) => compare(b.priority, a.priority))[0];
  if (best === undefined) return [];
  return fitting.filter(({ priority }) => compare(priority, best.priority) === 0).map(({ route }) => route.name);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

const some = <T>(values: fc.Arbitrary<T>) =>
  fc.option(fc.uniqueArray(values, { minLength: 1, maxLength: 2 }), { nil: undefined });
const routes = fc
  .array(
    fc.record({
      paths: some(fc.constantFrom('/', '/a', '/a/', '/ab', '/a/b', '~/a', '~/[ab]+$', '~/a/.*')),
      hosts: some(fc.constantFrom('a.test', 'b.test', '*.test', 'a.*')),
      methods: some(fc.constantFrom('GET', 'POST')),
      headers: fc.option(fc.constantFrom({ 'x-a': ['1'] }, { 'x-a': ['1', '2'] }, { 'x-a': ['1'], 'x-b': ['3'] }), {
        nil: undefined,
      }),
      regex_priority: fc.constantFrom(undefined, 1),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((all) => all.map((route, at): Route => ({ name: `r${at}`, ...(JSON.parse(JSON.stringify(route)) as object) })))
  .map((all) =>
    all.filter(({ paths, hosts, methods, headers }) =>
      [paths, hosts, methods, headers].some((each) => each !== undefined),
    ),
  );
const asked = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  path: fc.constantFrom('/', '/a', '/a/', '/ab', '/abc', '/a/b', '/a/b/c', '/b', '/z'),
  host: fc.constantFrom('a.test', 'b.test', 'c.test', 'a.example', 'z.example'),
  headers: fc.constantFrom({}, { 'x-a': '1' }, { 'x-a': '2' }, { 'x-a': '1', 'x-b': '3' }),
});

test('a request takes the route that Kong would give it', () => {
  fc.assert(
    fc.property(routes, fc.array(asked, { minLength: 1, maxLength: 12 }), (all, requests) => {
      fc.pre(all.length > 0);
      const text = JSON.stringify({
        _format_version: '3.0',
        services: [{ name: 's', url: 'http://s.test', routes: all.map((route) => ({ ...route, strip_path: false })) }],
      });
      const { written } = importKong(text, { file: 'kong.json', env: {}, include: () => [] });
      const [listener] = snapshotFrom(written, { origin: 'kong.json', loadedAtMs: 0, kinds: FILTER_KINDS }).listeners;
      for (const request of requests) {
        const facts: PassageFacts = {
          ...request,
          query: '',
          fields: new Fields(Object.entries({ host: request.host, ...request.headers }).flat()),
          clientAddress: '192.0.2.1',
          isTls: false,
        };
        const decision = listener?.table.find(facts);
        const name = decision?.kind === 'route' ? decision.route.name.replace(/-\d+$/, '') : undefined;
        const wanted = expected(all, request);
        if (wanted.length === 0) expect(name).toBeUndefined();
        else expect(wanted).toContain(name);
      }
    }),
    { numRuns: 300 },
  );
});
