import type { Bench, Row } from './bench.ts';
import { GATEWAY_BENCHES } from './gateway-catalog.ts';

/** What a Context costs, against objects that carry the same facts and nothing else. */
const context: Bench = {
  name: 'context',
  rows: [
    { id: 'root', unit: 'ns/op', better: 'lower' },
    { id: 'derive', unit: 'ns/op', better: 'lower' },
    { id: 'scope', unit: 'ns/op', better: 'lower' },
    { id: 'encode-headers', unit: 'ns/op', better: 'lower' },
    { id: 'decode-headers', unit: 'ns/op', better: 'lower' },
  ],
  subject: { name: 'fairlead', file: './subjects/context.ts' },
  peers: [{ name: 'plain-object', file: './subjects/plain-object.ts' }],
};

/** How long the shop takes until it is ready, a process for each service or all in one, and how long Ctrl-C takes. */
const startup: Bench = {
  name: 'startup',
  rows: [
    { id: 'up-fresh-seconds', unit: 's', better: 'lower' },
    { id: 'up-warm-seconds', unit: 's', better: 'lower', goal: 4 },
    { id: 'up-stop-seconds', unit: 's', better: 'lower' },
    { id: 'single-warm-seconds', unit: 's', better: 'lower', goal: 2 },
    { id: 'single-stop-seconds', unit: 's', better: 'lower' },
  ],
  subject: { name: 'fairlead', file: './subjects/startup.ts' },
  peers: [],
  rounds: 3,
  timeoutMs: 180_000,
};

/**
 * An operation that validates what comes and goes, with Context, spans, metrics and access lines, and what others take:
 * as it is by default, where a busy service records a share of its traces and lines, and with everything recorded.
 */
const service: Bench = {
  name: 'service',
  rows: [
    { id: 'requests', unit: 'req/s', better: 'higher' },
    { id: 'cpu-us', unit: 'µs/req', better: 'lower' },
    { id: 'spans-exported', unit: '%', better: 'higher', goal: 99 },
    { id: 'spans-recorded', unit: '%', better: 'higher' },
    { id: 'lines-written', unit: '%', better: 'higher' },
    { id: 'vs-fastify', unit: '×', better: 'higher', goal: 0.85, ratio: { of: 'requests', to: 'fastify' } },
    { id: 'vs-nest', unit: '×', better: 'higher', goal: 2, ratio: { of: 'requests', to: 'nest' } },
    { id: 'vs-moleculer', unit: '×', better: 'higher', ratio: { of: 'requests', to: 'moleculer' } },
    { id: 'cpu-vs-fastify', unit: '×', better: 'lower', ratio: { of: 'cpu-us', to: 'fastify' } },
    { id: 'cpu-vs-nest', unit: '×', better: 'lower', ratio: { of: 'cpu-us', to: 'nest' } },
    { id: 'cpu-vs-moleculer', unit: '×', better: 'lower', ratio: { of: 'cpu-us', to: 'moleculer' } },
    {
      id: 'everything-vs-fastify',
      unit: '×',
      better: 'higher',
      ratio: { of: 'requests', to: 'fastify', by: 'everything' },
    },
  ],
  subject: { name: 'fairlead', file: './subjects/service.ts', args: ['fairlead'] },
  peers: ['everything', 'fastify', 'nest', 'moleculer'].map((name) => ({
    name,
    file: './subjects/service.ts',
    args: [name],
  })),
  needsPeers: true,
};

/** A typed call from one process to another, one at a time, and one within a process. */
const call: Bench = {
  name: 'call',
  rows: [
    { id: 'p50-us', unit: 'µs', better: 'lower' },
    { id: 'p99-us', unit: 'µs', better: 'lower' },
    { id: 'p50-vs-undici', unit: '×', better: 'lower', goal: 1.25, ratio: { of: 'p50-us', to: 'undici' } },
    { id: 'single-call-us', unit: 'µs', better: 'lower' },
  ],
  subject: { name: 'fairlead', file: './subjects/call.ts' },
  peers: [{ name: 'undici', file: './peers/undici-call.js' }],
  needsPeers: true,
};

/** What a request costs above HTTP, and where; a call's client side too. */
const loop: Bench = {
  name: 'loop',
  rows: [
    { id: 'request-us', unit: 'µs', better: 'lower', goal: 8 },
    { id: 'everything-us', unit: 'µs', better: 'lower' },
    ...['context', 'parse', 'input', 'output', 'span', 'line', 'metrics', 'call-encode', 'call-headers', 'call-key']
      .concat('call-decode')
      .map((part) => ({ id: `${part}-us`, unit: 'µs', better: 'lower' as const })),
  ],
  subject: { name: 'fairlead', file: './subjects/loop.ts' },
  peers: [],
};

/**
 * Three tiers under ten times their capacity, then calm, on the virtual clock: what share of the capacity is answered in
 * the overload, and what share of the calls after it. The same numbers on every machine.
 */
const storm: Bench = {
  name: 'storm',
  rows: [
    { id: 'storm-goodput', unit: '%', better: 'higher', goal: 90 },
    { id: 'storm-after', unit: '%', better: 'higher', goal: 95 },
  ],
  subject: { name: 'defaults', file: './subjects/storm.ts', args: ['defaults'] },
  peers: ['no budget', 'load trips', 'budget only', 'retries only'].map((name) => ({
    name,
    file: './subjects/storm.ts',
    args: [name],
  })),
  rounds: 1,
};

/**
 * Ten hosts under half of what they can carry, from twenty processes, on the virtual clock: the 99th percentile when one is ten
 * times slower, when one can carry only a tenth, when all pause at times; and the share of failures when one fails at once.
 */
const balancing: Bench = {
  name: 'balancing',
  rows: [
    { id: 'slow-p99-ms', unit: 'ms', better: 'lower', goal: 55 },
    { id: 'small-p99-ms', unit: 'ms', better: 'lower', goal: 55 },
    { id: 'pauses-p99-ms', unit: 'ms', better: 'lower' },
    { id: 'failing-failed', unit: '%', better: 'lower', goal: 0.5 },
  ],
  subject: { name: 'p2c', file: './subjects/balancing.ts', args: ['p2c'] },
  peers: ['least-request', 'round-robin', 'random'].map((name) => ({
    name,
    file: './subjects/balancing.ts',
    args: [name],
  })),
  rounds: 1,
};

/**
 * Finding a request's route in a table of 10 and of 10 000, and loading that. A proxied request takes about 20 µs of a core:
 * with 1 µs more it would go 0.95 times as fast.
 */
const routes: Bench = {
  name: 'routes',
  rows: [
    { id: 'find-10-ns', unit: 'ns', better: 'lower' },
    { id: 'find-10k-ns', unit: 'ns', better: 'lower' },
    { id: 'added-10k-ns', unit: 'ns', better: 'lower', goal: 1_000 },
    { id: 'load-10k-ms', unit: 'ms', better: 'lower' },
  ],
  subject: { name: 'fairlead', file: './subjects/routes.ts' },
  peers: [],
};

const COSTS = ['10ms', '200ms', 'tail'] as const;

/**
 * What a policy costs around work that is nothing, as multiples of that work where it says ×, and what others take. Then,
 * on the virtual clock and the same on every machine, ten tenants that share its slots: Jain's index of their shares by
 * weight when all want more, and what one that wants three times the capacity does to the 99th percentile of nine that
 * want 40 % of it together.
 */
const policy: Bench = {
  name: 'policy',
  rows: [
    { id: 'stack', unit: '×', better: 'lower', goal: 5 },
    { id: 'stack-ns', unit: 'ns', better: 'lower' },
    { id: 'stack-deadline-ns', unit: 'ns', better: 'lower' },
    { id: 'stack-bytes', unit: 'B', better: 'lower', goal: 1_200 },
    { id: 'stack-signal', unit: '×', better: 'lower', goal: 1.3 },
    { id: 'stack-io', unit: '×', better: 'lower' },
    { id: 'breaker', unit: '×', better: 'lower', goal: 2.6 },
    { id: 'breaker-ns', unit: 'ns', better: 'lower' },
    { id: 'reject-ns', unit: 'ns', better: 'lower', goal: 500 },
    { id: 'abort-100k', unit: 'ms', better: 'lower' },
    { id: 'abort-100k-growth', unit: '×', better: 'lower', goal: 2 },
    { id: 'fairness-jain', unit: '', better: 'higher', goal: 0.99 },
    ...COSTS.flatMap((cost): Row[] => [
      { id: `fairness-victim-p99-${cost}-capped`, unit: '×', better: 'lower', goal: 1.1 },
      { id: `fairness-victim-p99-${cost}`, unit: '×', better: 'lower', goal: 4 },
      { id: `fairness-used-${cost}-capped`, unit: '%', better: 'higher' },
      { id: `fairness-used-${cost}`, unit: '%', better: 'higher', goal: 95 },
    ]),
    { id: 'fairness-victims-rejected', unit: 'calls', better: 'lower', goal: 0 },
  ],
  subject: { name: 'fairlead', file: './subjects/policy.ts' },
  peers: [
    ...['cockatiel', 'opossum', 'mollitia'].map((name) => ({ name, file: `./peers/${name}-policy.js` })),
    ...['no reserve', 'fifo', 'round robin'].map((name) => ({
      name,
      file: './subjects/scheduler.ts',
      args: [name],
    })),
  ],
  rounds: 3,
  needsPeers: true,
};

/** The log, leases, subscriptions and jobs on the embedded Postgres, beside a plain table and beside others' queues. */
const store: Bench = {
  name: 'store',
  rows: [
    { id: 'append-1', unit: '×', better: 'higher', goal: 0.85 },
    { id: 'append-1-in-tx', unit: '×', better: 'higher' },
    { id: 'append-1-small', unit: '×', better: 'higher' },
    { id: 'append-16', unit: '×', better: 'higher', goal: 0.85 },
    { id: 'append-16-in-tx', unit: '×', better: 'higher' },
    { id: 'append-16-small', unit: '×', better: 'higher' },
    { id: 'batch-append', unit: '×', better: 'higher', goal: 0.8 },
    { id: 'batch-append-small', unit: '×', better: 'higher' },
    { id: 'subscribe-events-per-second', unit: 'events/s', better: 'higher', goal: 50_000 },
    { id: 'subscribe-delay-p50-ms', unit: 'ms', better: 'lower' },
    { id: 'subscribe-delay-p99-ms', unit: 'ms', better: 'lower', goal: 25 },
    { id: 'jobs-1', unit: 'jobs/s', better: 'higher' },
    { id: 'jobs-4', unit: 'jobs/s', better: 'higher' },
    { id: 'enqueue', unit: 'jobs/s', better: 'higher' },
    { id: 'jobs-vs-pgboss-1', unit: '×', better: 'higher', goal: 5, ratio: { of: 'jobs-1', to: 'pg-boss' } },
    { id: 'jobs-vs-pgboss-4', unit: '×', better: 'higher', goal: 5, ratio: { of: 'jobs-4', to: 'pg-boss' } },
    { id: 'enqueue-vs-pgboss', unit: '×', better: 'higher', goal: 2, ratio: { of: 'enqueue', to: 'pg-boss' } },
    { id: 'jobs-vs-graphile-4', unit: '×', better: 'higher', goal: 1, ratio: { of: 'jobs-4', to: 'graphile-worker' } },
    { id: 'enqueue-vs-graphile', unit: '×', better: 'higher', ratio: { of: 'enqueue', to: 'graphile-worker' } },
    { id: 'lease-statements-per-second', unit: 'statements/s', better: 'lower', goal: 1 },
  ],
  subject: { name: 'fairlead', file: './subjects/store.ts' },
  peers: [
    { name: 'pg-boss', file: './peers/pgboss-store.js' },
    { name: 'graphile-worker', file: './peers/graphile-store.js' },
  ],
  needsPeers: true,
  rounds: 3,
  timeoutMs: 240_000,
};

/** Two million jobs through one queue: how many a second at the beginning and at the end. The subject prints the whole curve. */
const storeCurve: Bench = {
  name: 'store-curve',
  rows: [
    { id: 'curve-first', unit: 'jobs/s', better: 'higher' },
    { id: 'curve-last', unit: 'jobs/s', better: 'higher' },
    { id: 'curve-last-vs-first', unit: '×', better: 'higher', goal: 0.9 },
  ],
  subject: { name: 'fairlead', file: './subjects/store-curve.ts' },
  peers: [],
  rounds: 1,
  timeoutMs: 900_000,
};

/**
 * Durable workflows of three steps, one at a time and 64 at once, beside Restate and DBOS; those that sleep; those whose
 * process is killed; and commands to deciders, beside the transaction that they come down to and beside Emmett.
 */
const workflow: Bench = {
  name: 'workflow',
  rows: [
    { id: 'p50-ms', unit: 'ms', better: 'lower' },
    { id: 'p90-ms', unit: 'ms', better: 'lower' },
    { id: 'runs', unit: 'runs/s', better: 'higher' },
    { id: 'p50-vs-restate', unit: '×', better: 'lower', goal: 1, ratio: { of: 'p50-ms', to: 'restate' } },
    { id: 'runs-vs-restate', unit: '×', better: 'higher', ratio: { of: 'runs', to: 'restate' } },
    { id: 'p50-vs-dbos', unit: '×', better: 'lower', goal: 0.5, ratio: { of: 'p50-ms', to: 'dbos' } },
    { id: 'runs-vs-dbos', unit: '×', better: 'higher', goal: 2, ratio: { of: 'runs', to: 'dbos' } },
    { id: 'sleeping-10k-mib', unit: 'MiB', better: 'lower' },
    { id: 'recovery-seconds', unit: 's', better: 'lower', goal: 10 },
    { id: 'recovery-wrong-effects', unit: '', better: 'lower', goal: 0 },
    { id: 'decider', unit: 'commands/s', better: 'higher' },
    { id: 'decider-in-tx', unit: 'commands/s', better: 'higher' },
    { id: 'decider-bare', unit: 'commands/s', better: 'higher' },
    { id: 'decider-vs-bare', unit: '×', better: 'higher', goal: 0.8 },
    { id: 'decider-vs-emmett', unit: '×', better: 'higher', goal: 1, ratio: { of: 'decider', to: 'emmett' } },
  ],
  subject: { name: 'fairlead', file: './subjects/workflow.ts' },
  peers: [
    { name: 'restate', file: './peers/restate-workflow.js' },
    { name: 'dbos', file: './peers/dbos-workflow.js' },
    { name: 'emmett', file: './peers/emmett-decider.js' },
  ],
  needsPeers: true,
  rounds: 3,
  timeoutMs: 300_000,
};

/** Every benchmark, by the name that the command takes. */
export const BENCHES: readonly Bench[] = [
  context,
  startup,
  service,
  call,
  loop,
  storm,
  balancing,
  routes,
  policy,
  store,
  storeCurve,
  workflow,
  ...GATEWAY_BENCHES,
];
