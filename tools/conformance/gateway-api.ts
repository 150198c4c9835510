import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { gatewayAtTest, type GatewayAtTest } from './gateway-at-test.ts';
import { goLiterals } from './go-literals.ts';
import { translated, type HttpRoute } from './http-route.ts';
import { failed, passed, skipped, type Case } from './suite.ts';

const BACKENDS = ['infra-backend-v1', 'infra-backend-v2', 'infra-backend-v3'];
/** Gateways of the suite with one plain listener for all hosts. */
const PLAIN = new Set(['same-namespace', 'all-namespaces', 'backend-namespaces']);

interface Expected {
  readonly Request: Asked;
  readonly ExpectedRequest?: { readonly Request?: Asked; readonly AbsentHeaders?: readonly string[] };
  readonly Response?: {
    readonly StatusCode?: number;
    readonly StatusCodes?: readonly number[];
    readonly Headers?: Texts;
    readonly AbsentHeaders?: readonly string[];
  };
  readonly RedirectRequest?: {
    readonly Scheme?: string;
    readonly Host?: string;
    readonly Port?: string;
    readonly Path?: string;
  };
  readonly BackendSetResponseHeaders?: Texts;
  readonly Backend?: string;
  readonly MirroredTo?: readonly { readonly BackendRef: { readonly Name: string } }[];
}
interface Asked {
  readonly Host?: string;
  readonly Method?: string;
  readonly Path?: string;
  readonly Headers?: Texts;
}
type Texts = Readonly<Record<string, string>>;

/** What a backend says of a request that it got. */
interface Echo {
  readonly backend: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * The Gateway API's conformance tests for HTTPRoutes, as far as they need no cluster: their YAML becomes a configuration, and
 * the requests and expectations that their Go code lists are asked of it. `path` is the folder `conformance`.
 */
export async function gatewayApi(path: string): Promise<readonly Case[]> {
  const folder = join(path, 'tests');
  const names = readdirSync(folder).filter((name) => /^httproute-.*\.go$/.test(name));
  const cases: Case[] = [];
  const copies = new Set<string>();
  const servers = await Promise.all(BACKENDS.map((backend) => echoServer(backend, copies)));
  // `as`: a TCP server's address is an object once it listens.
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  const clusters = Object.fromEntries(
    BACKENDS.map((name, at) => [name, { endpoints: [`http://127.0.0.1:${ports[at]}`] }]),
  );
  for (const name of names) {
    const title = name.replace(/^httproute-|\.go$/g, '');
    const yaml = join(folder, name.replace(/\.go$/, '.yaml'));
    const read = existsSync(yaml) ? routesOf(readFileSync(yaml, 'utf8')) : { why: 'it has no YAML of its own' };
    // `as`: the members that are looked at are compared as what they are.
    const all = goLiterals(
      readFileSync(join(folder, name), 'utf8'),
      'http.ExpectedResponse',
    ) as readonly unknown[] as readonly Expected[];
    if ('why' in read || all.length === 0) {
      cases.push(skipped(title, 'why' in read ? read.why : 'its expectations are no list of requests'));
      continue;
    }
    let gateway: GatewayAtTest;
    try {
      gateway = await gatewayAtTest({ routes: read.routes, clusters });
    } catch (error) {
      // What the configuration may not say is told in its last line.
      cases.push(
        failed(
          title,
          `the configuration is refused: ${String(error)
            .trim()
            .split('\n')
            .at(-1)
            ?.replace(/^.*?: /, '')}`,
        ),
      );
      continue;
    }
    await using _gateway = gateway;
    for (const [index, expected] of all.entries()) {
      const what = `${title} ${index + 1}: ${expected.Request.Method ?? 'GET'} ${expected.Request.Host ?? ''}${expected.Request.Path ?? '/'}`;
      const why = (await misfitOf(expected, gateway.port)) ?? (await missingCopy(expected, copies));
      cases.push(why === undefined ? passed(what) : failed(what, why));
    }
  }
  for (const server of servers) server.close();
  return cases;
}

function routesOf(yaml: string): { readonly routes: readonly object[] } | { readonly why: string } {
  const routes: object[] = [];
  for (const document of parseAllDocuments(yaml)) {
    const value: unknown = document.toJS();
    if (value === null) continue;
    // `as`: what is no HTTPRoute is told by its kind.
    const route = value as HttpRoute;
    if (route.kind === 'Gateway') return { why: 'its Gateway has listeners of its own' };
    if (route.kind !== 'HTTPRoute') return { why: `it needs a ${route.kind}` };
    if (
      !(route.spec.parentRefs ?? []).every(
        (parent) => PLAIN.has(parent.name) && parent.sectionName === undefined && parent.port === undefined,
      )
    )
      return { why: 'which listener it may join is the controller’s affair' };
    const ours = translated(route, new Set(BACKENDS));
    if ('why' in ours) return ours;
    routes.push(...ours.routes);
  }
  return { routes };
}

/** What is otherwise than expected. */
async function misfitOf(expected: Expected, port: number): Promise<string | undefined> {
  const {
    Request: asked,
    ExpectedRequest: arriving,
    Response: answering,
    BackendSetResponseHeaders: told,
    Backend,
  } = expected;
  const sent = request({
    port,
    host: '127.0.0.1',
    agent: false,
    path: asked.Path ?? '/',
    method: asked.Method ?? 'GET',
    headers: {
      host: asked.Host ?? 'conformance.test',
      ...asked.Headers,
      ...(told === undefined ? {} : { 'x-echo-set-header': JSON.stringify(told) }),
    },
  });
  sent.end();
  // `as`: what the event brings.
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of answer.setEncoding('utf8')) text += String(part);
  const statuses = answering?.StatusCodes ?? [answering?.StatusCode ?? 200];
  if (!statuses.includes(answer.statusCode ?? 0)) return `expected ${statuses.join(' or ')}, got ${answer.statusCode}`;
  const fields = misfitFields(answer.headers, answering?.Headers, answering?.AbsentHeaders);
  if (fields !== undefined) return `the answer ${fields}`;
  const astray =
    expected.RedirectRequest && misfitLocation(answer.headers.location ?? '', expected.RedirectRequest, asked);
  if (astray !== undefined) return astray;
  if (answer.statusCode !== 200 || text === '') return undefined;
  // `as`: an echo of ours.
  const echo = JSON.parse(text) as Echo;
  const backend = constantOf(Backend);
  if (backend !== undefined && echo.backend !== backend) return `expected ${backend}, got ${echo.backend}`;
  const wanted = arriving?.Request ?? asked;
  if (echo.path !== (wanted.Path ?? '/')) return `expected the path ${wanted.Path}, got ${echo.path}`;
  const misfit = misfitFields(echo.headers, wanted.Headers, arriving?.AbsentHeaders);
  return misfit === undefined ? undefined : `the request ${misfit}`;
}

/** Which copy does not come within two seconds. */
async function missingCopy(
  { Request: asked, MirroredTo = [] }: Expected,
  copies: Set<string>,
): Promise<string | undefined> {
  for (const { BackendRef } of MirroredTo) {
    const copy = `${constantOf(BackendRef.Name)} ${asked.Path ?? '/'}`;
    for (let turn = 0; turn < 200 && !copies.has(copy); turn += 1) await sleep(10);
    if (!copies.delete(copy)) return `there is no copy at ${copy}`;
  }
  return undefined;
}

/** What is not said of the new place is as it was. */
function misfitLocation(
  location: string,
  wanted: NonNullable<Expected['RedirectRequest']>,
  asked: Asked,
): string | undefined {
  if (!URL.canParse(location)) return `leads to ${JSON.stringify(location)}`;
  const { protocol, hostname, port, pathname } = new URL(location);
  const expected = [
    wanted.Scheme ?? 'http',
    wanted.Host ?? asked.Host ?? 'conformance.test',
    wanted.Port ?? '',
    wanted.Path ?? asked.Path ?? '/',
  ];
  const own = wanted.Scheme === 'https' ? '443' : '80';
  const found = [protocol.slice(0, -1), hostname, port, pathname];
  // URLs leave out the port that a scheme has by itself.
  const fits = expected.every((part, at) => part === found[at] || (at === 2 && found[2] === '' && part === own));
  return fits ? undefined : `expected ${expected.join(' ')}, led to ${location}`;
}

function misfitFields(
  headers: IncomingHttpHeaders,
  wanted: Texts = {},
  absent: readonly string[] = [],
): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const there = String(headers[name.toLowerCase()] ?? '');
    if (there.replaceAll(', ', ',') !== value.replaceAll(', ', ',')) return `has ${name}: ${there} instead of ${value}`;
  }
  const left = absent.find((name) => headers[name.toLowerCase()] !== undefined);
  return left === undefined ? undefined : `still has ${left}`;
}

/** `confsuite.InfraBackendServiceNameV2` is `infra-backend-v2`. */
function constantOf(name: string | undefined): string | undefined {
  const version = /ServiceNameV(\d)$/.exec(name ?? '')?.[1];
  return version === undefined ? name : `infra-backend-v${version}`;
}

/** An echo that notes, by name and path, which copies it gets. */
async function echoServer(backend: string, copies: Set<string>): Promise<Server> {
  const server = createServer((incoming, response) => {
    if (incoming.headers['x-fairlead-mirror'] !== undefined) copies.add(`${backend} ${incoming.url}`);
    const told = incoming.headers['x-echo-set-header'];
    // `as`: it is what `misfitOf` has written.
    const extra = typeof told === 'string' ? (JSON.parse(told) as Texts) : {};
    for (const [name, value] of Object.entries(extra)) response.setHeader(name, value);
    const delayS = Number(/[?&]delay=(\d+)s/.exec(incoming.url ?? '')?.[1] ?? 0);
    const answer = (): unknown =>
      response.end(JSON.stringify({ backend, path: incoming.url, headers: incoming.headers }));
    if (delayS === 0) answer();
    else void sleep(delayS * 1_000).then(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
