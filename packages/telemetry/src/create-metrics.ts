// oxlint-disable-next-line typescript/triple-slash-reference -- whoever compiles this file with theirs has to find these types
/// <reference path="./prom-client.d.ts" />
import { CORE_ERRORS, FairleadError } from '@fairlead/core';
import type { Metric } from 'prom-client';
// By their files: the main one loads what tells of processes and what pushes to gateways with them, and so TLS and OpenTelemetry.
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import type { Metrics, Red, RedKind, RedOptions } from './metrics.ts';
import { RedHistogram, type RedSeries } from './red-histogram.ts';

/** Seconds; OpenTelemetry's advice for HTTP durations with two finer steps, as calls over a socket take that little. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const MAX_SERIES = 2000;
const OTHER = '_other';

const RED = {
  server: {
    name: 'http_server_request_duration_seconds',
    help: 'Duration of operations answered, by outcome.',
    labels: ['operation'],
  },
  client: {
    name: 'http_client_request_duration_seconds',
    help: 'Duration of calls made, by outcome.',
    labels: ['peer', 'operation'],
  },
  consumer: {
    name: 'messaging_process_duration_seconds',
    help: 'Duration of handling an event, by outcome.',
    labels: ['source', 'type'],
  },
  job: {
    name: 'fairlead_job_duration_seconds',
    help: 'Duration of an attempt at a job, by outcome.',
    labels: ['queue'],
  },
} as const satisfies Record<RedKind, { name: string; help: string; labels: readonly string[] }>;

/** Metrics in a registry of their own. */
export function createMetrics(options: { readonly service: string; readonly processMetrics: boolean }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  const ofProcess = options.processMetrics ? tellOfProcess(registry) : undefined;

  const once = <M extends Metric>(name: string, type: new (...args: never[]) => M, create: () => M): M => {
    const known = registry.getSingleMetric(name);
    if (known === undefined) return create();
    if (known instanceof type) return known;
    throw misconfigured(`There is already a metric named ${name}, of another type; choose another name.`);
  };
  const reds = new Map<RedKind, { readonly labels: readonly string[]; readonly red: Red<string> }>();

  function red(redOptions: RedOptions<string>): Red<string> {
    const { name, help, labels: usual } = RED[redOptions.kind];
    const labels = redOptions.labels ?? usual;
    const known = reds.get(redOptions.kind);
    if (known === undefined) {
      const histogram = new RedHistogram({ name, help, boundsSeconds: BUCKETS });
      registry.registerMetric(histogram.metric);
      const created = boundedRed(histogram, options.service, labels);
      reds.set(redOptions.kind, { labels, red: created });
      return created;
    }
    if (known.labels.join() !== labels.join()) {
      throw misconfigured(
        `The ${redOptions.kind} metrics have the labels ${known.labels.join(', ')} and can't have ` +
          `${labels.join(', ')} too; use the same labels everywhere.`,
      );
    }
    return known.red;
  }

  return {
    red,
    counter: (configuration) =>
      once(configuration.name, Counter, () => new Counter({ ...configuration, registers: [registry] })),
    gauge: (configuration) =>
      once(configuration.name, Gauge, () => new Gauge({ ...configuration, registers: [registry] })),
    histogram: (configuration) =>
      once(configuration.name, Histogram, () => new Histogram({ ...configuration, registers: [registry] })),
    async exposition() {
      await ofProcess;
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** Memory, CPU, garbage and event loop, from now on. */
async function tellOfProcess(registry: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client');
  collectDefaultMetrics({ register: registry });
}

function boundedRed(histogram: RedHistogram, service: string, labels: readonly string[]): Red<string> {
  const known = new Map<string, RedSeries>();
  let others: RedSeries | undefined;

  function made(values: Readonly<Record<string, string>>, outcome: string, key: string): RedSeries {
    if (known.size >= MAX_SERIES) {
      others ??= histogram.series({
        service,
        ...Object.fromEntries(labels.map((label) => [label, OTHER])),
        outcome: OTHER,
      });
      return others;
    }
    const named = labels.map((label) => [label, values[label] ?? '']);
    const series = histogram.series({ service, ...Object.fromEntries(named), outcome });
    known.set(key, series);
    return series;
  }

  function series(values: Readonly<Record<string, string>>, outcome: string): RedSeries {
    // Lengths keep values apart, whatever is in them.
    let key = `${outcome.length}:${outcome}`;
    for (const label of labels) {
      const value = values[label] ?? '';
      key += `${value.length}:${value}`;
    }
    return known.get(key) ?? made(values, outcome, key);
  }

  return {
    series,
    count: (counted, durationMs) => histogram.count(counted, durationMs),
    observe: ({ labels: values, outcome, durationMs }) => histogram.count(series(values, outcome), durationMs),
  };
}

function misconfigured(message: string): FairleadError {
  return new FairleadError(CORE_ERRORS.MISCONFIGURED, 'MISCONFIGURED', message);
}
