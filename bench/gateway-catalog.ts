import type { Bench, Row } from './bench.ts';

/** How much of its core a proxy had and used; below 95 it waited for the load, and what it measured does not count. */
const BUSY: Row = { id: 'busy-percent', unit: '%', better: 'higher' };
const WHERE_BUSY = { row: BUSY.id, atLeast: 95 };

/**
 * A plain reverse proxy: a route by its prefix, two fields set, an answer of 200 bytes, 64 connections; ours with its metrics,
 * access lines and traces besides. What processor time of one core allows.
 */
const gateway: Bench = {
  name: 'gateway',
  rows: [
    { id: 'requests-a-core', unit: 'req/s', better: 'higher' },
    { id: 'cpu-us', unit: 'µs/req', better: 'lower' },
    BUSY,
    { id: 'plain-vs-nginx', unit: '×', better: 'higher', goal: 0.85, ratio: { of: 'requests-a-core', to: 'nginx' } },
    { id: 'plain-vs-haproxy', unit: '×', better: 'higher', ratio: { of: 'requests-a-core', to: 'haproxy' } },
    {
      id: 'plain-vs-fastify-http-proxy',
      unit: '×',
      better: 'higher',
      goal: 4,
      ratio: { of: 'requests-a-core', to: 'fastify-http-proxy' },
    },
    {
      id: 'plain-vs-http-proxy',
      unit: '×',
      better: 'higher',
      ratio: { of: 'requests-a-core', to: 'http-proxy' },
    },
  ],
  subject: { name: 'fairlead', file: './subjects/gateway.ts', args: ['fairlead'] },
  peers: ['nginx', 'haproxy', 'fastify-http-proxy', 'http-proxy'].map((name) => ({
    name,
    file: './subjects/gateway.ts',
    args: [name],
  })),
  needsPeers: true,
};

/** One of the scenes of a gateway, by the names of the proxies and scenes that are held against ours. */
function gatewayBench(
  name: string,
  scene: string,
  rows: readonly Row[],
  peers: readonly (readonly [name: string, proxy: string, scene: string])[],
): Bench {
  const file = './subjects/gateway.ts';
  return {
    name,
    rows: [{ id: 'cpu-us', unit: 'µs/req', better: 'lower' }, BUSY, ...rows],
    subject: { name: 'fairlead', file, args: ['fairlead', scene] },
    peers: peers.map(([peer, ...args]) => ({ name: peer, file, args })),
    rounds: 3,
  };
}

const A_CORE: Row = { id: 'requests-a-core', unit: 'req/s', better: 'higher' };
const MEGABYTES: Row = { id: 'megabytes-a-core', unit: 'MB/s', better: 'higher' };

/** A thousand tokens of RS256 in turn, a limit for each subject, a line of JSON for each request; beside ours without them. */
const gatewaySecured = gatewayBench(
  'gateway-secured',
  'secured',
  [
    A_CORE,
    {
      id: 'secured-vs-plain',
      unit: '×',
      better: 'higher',
      goal: 0.7,
      ratio: { of: A_CORE.id, to: 'plain', where: WHERE_BUSY },
    },
    {
      id: 'secured-vs-haproxy',
      unit: '×',
      better: 'higher',
      goal: 1.8,
      ratio: { of: A_CORE.id, to: 'haproxy', where: WHERE_BUSY },
    },
  ],
  [
    ['plain', 'fairlead', 'plain'],
    ['haproxy', 'haproxy', 'secured'],
  ],
);

/** TLS 1.3 with a certificate of P-256, on connections that are kept. */
const gatewayTls = gatewayBench(
  'gateway-tls',
  'tls',
  [
    A_CORE,
    {
      id: 'tls-vs-nginx',
      unit: '×',
      better: 'higher',
      goal: 0.6,
      ratio: { of: A_CORE.id, to: 'nginx', where: WHERE_BUSY },
    },
  ],
  [['nginx', 'nginx', 'tls']],
);

/** 1 MiB there and 1 MiB back, on 8 connections; both count. */
const gatewayBulk = gatewayBench(
  'gateway-bulk',
  'bulk',
  [
    MEGABYTES,
    {
      id: 'bulk-vs-nginx',
      unit: '×',
      better: 'higher',
      goal: 0.8,
      ratio: { of: MEGABYTES.id, to: 'nginx', where: WHERE_BUSY },
    },
  ],
  [['nginx', 'nginx', 'bulk']],
);

/** What is `plain` in `gateway`, with listeners that read by private handles; beside ours without. */
const gatewayPrivate = gatewayBench(
  'gateway-private',
  'plain-private',
  [
    A_CORE,
    { id: 'plain-private-vs-nginx', unit: '×', better: 'higher', ratio: { of: A_CORE.id, to: 'nginx' } },
    { id: 'plain-private-vs-plain', unit: '×', better: 'higher', ratio: { of: A_CORE.id, to: 'plain' } },
  ],
  [
    ['nginx', 'nginx', 'plain'],
    ['plain', 'fairlead', 'plain'],
  ],
);

/** The same of `gateway-bulk`. */
const gatewayBulkPrivate = gatewayBench(
  'gateway-bulk-private',
  'bulk-private',
  [
    MEGABYTES,
    { id: 'bulk-private-vs-nginx', unit: '×', better: 'higher', ratio: { of: MEGABYTES.id, to: 'nginx' } },
    { id: 'bulk-private-vs-bulk', unit: '×', better: 'higher', ratio: { of: MEGABYTES.id, to: 'bulk' } },
  ],
  [
    ['nginx', 'nginx', 'bulk'],
    ['bulk', 'fairlead', 'bulk'],
  ],
);

/** Ten thousand routes, a thousand of which are asked for in turn, beside ten. */
const gatewayRoutes = gatewayBench(
  'gateway-routes',
  'routes-10k',
  [
    A_CORE,
    {
      id: 'routes-10k-vs-10',
      unit: '×',
      better: 'higher',
      goal: 0.95,
      ratio: { of: A_CORE.id, to: 'ten', where: WHERE_BUSY },
    },
  ],
  [['ten', 'fairlead', 'routes-10']],
);

/** An answer that is stored, given again and again; beside nginx that has it, one that fetches and stores each, and one that only fetches. */
const gatewayCache = gatewayBench(
  'gateway-cache',
  'cache-hit',
  [
    A_CORE,
    {
      id: 'cache-hit-vs-nginx-hit',
      unit: '×',
      better: 'higher',
      goal: 0.7,
      ratio: { of: A_CORE.id, to: 'nginx-hit', where: WHERE_BUSY },
    },
    {
      id: 'cache-hit-vs-nginx-miss',
      unit: '×',
      better: 'higher',
      goal: 2,
      // Its disk makes it wait, so that it isn't busy.
      ratio: { of: A_CORE.id, to: 'nginx-miss' },
    },
    {
      id: 'cache-hit-vs-nginx-unstored',
      unit: '×',
      better: 'higher',
      ratio: { of: A_CORE.id, to: 'nginx-unstored', where: WHERE_BUSY },
    },
  ],
  [
    ['nginx-hit', 'nginx', 'cache-hit'],
    ['nginx-miss', 'nginx', 'cache-miss'],
    ['nginx-unstored', 'nginx', 'cache-unstored'],
  ],
);

/**
 * How much of the time a proxy did not wait for its core; below 98 others on the machine had it, and a hundredth of the requests
 * tells of them.
 */
const UNDISTURBED: Row = { id: 'undisturbed-percent', unit: '%', better: 'higher' };

/** How long requests take at half of what each proxy can do itself. */
const gatewayLatency: Bench = {
  name: 'gateway-latency',
  rows: [
    { id: 'half-rate', unit: 'req/s', better: 'higher' },
    { id: 'p50-us', unit: 'µs', better: 'lower' },
    { id: 'p99-us', unit: 'µs', better: 'lower' },
    UNDISTURBED,
    {
      id: 'p99-vs-nginx',
      unit: '×',
      better: 'lower',
      goal: 1.3,
      ratio: { of: 'p99-us', to: 'nginx', where: { row: UNDISTURBED.id, atLeast: 98 } },
    },
  ],
  subject: { name: 'fairlead', file: './subjects/gateway-latency.ts', args: ['fairlead'] },
  peers: [{ name: 'nginx', file: './subjects/gateway-latency.ts', args: ['nginx'] }],
  rounds: 3,
};

/** Memory with nothing to do and with ten thousand connections, and requests that fail while configurations are exchanged. */
const gatewayHeld: Bench = {
  name: 'gateway-held',
  rows: [
    { id: 'idle-rss-mb', unit: 'MB', better: 'lower', goal: 70 },
    { id: 'idle-10k-rss-mb', unit: 'MB', better: 'lower', goal: 250 },
    { id: 'reload-failed-requests', unit: 'requests', better: 'lower', goal: 0 },
  ],
  subject: { name: 'fairlead', file: './subjects/gateway-held.ts' },
  peers: [],
  rounds: 3,
};

/** What is measured of the gateway, beside other proxies and beside itself. */
export const GATEWAY_BENCHES: readonly Bench[] = [
  gateway,
  gatewaySecured,
  gatewayTls,
  gatewayBulk,
  gatewayPrivate,
  gatewayBulkPrivate,
  gatewayRoutes,
  gatewayCache,
  gatewayLatency,
  gatewayHeld,
];
