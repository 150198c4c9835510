// A soak: gateway-process.ts between clients.ts and origin.ts for some minutes; main.ts prints what came of it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientsOf, type Client } from './clients.ts';
import type { Asked, Told } from './gateway-messages.ts';
import { startOrigin } from './origin.ts';
import { medianSlopeOf, slopeOf } from './slope.ts';

/** How a soak is run. */
export interface SoakOptions {
  /** For how long clients ask, in minutes. */
  readonly minutes: number;
  /** Whether the gateway keeps each request for ever, on purpose. Default false. */
  readonly leaks?: boolean;
  /** By how much clients pause longer than they would, beside others who need the machine. Default 1. */
  readonly slowness?: number;
  /** Told of each sample. */
  readonly onSample?: (text: string) => void;
}

/** What came of it. */
export interface SoakReport {
  readonly requests: number;
  readonly swaps: number;
  /** Turns of each kind of client. */
  readonly turns: Readonly<Record<string, number>>;
  /** What should not have failed, at most 20 of them. */
  readonly failures: readonly string[];
  readonly failed: number;
  /** Requests after the warm-up. */
  readonly warmRequests: number;
  /** By how much the gateway's heap grows, after collections and the warm-up. */
  readonly heapBytesPerRequest: number;
  readonly heapBytesPerMinute: number;
  /** Minutes after the warm-up: what slopes are taken of. */
  readonly warmMinutes: number;
  /** By how much these grow, of the median pair of samples: steps of an allocator change nothing of it. */
  readonly rssBytesPerMinute: number;
  readonly descriptorsPerMinute: number;
  readonly socketsPerMinute: number;
  readonly timersPerMinute: number;
  /** What it holds about each twelfth of the time. */
  readonly course: readonly SoakPoint[];
  readonly drainMs: number;
  /** Whether all that was under way at the end ended by itself. */
  readonly isWhole: boolean;
  /** Sockets, servers and timers that the gateway had left after its end. */
  readonly resources: readonly string[];
}

/** What a gateway holds at a time. */
export interface SoakPoint {
  readonly minutes: number;
  readonly requests: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly timers: number;
}

/** More than this of each request, beyond what caches and compiled code may take, is a leak: one that is kept is kilobytes. */
const MOST_HEAP_BYTES_PER_REQUEST = 100;
const MOST_HEAP_BYTES = 2 * 1024 * 1024;
/** Slopes by time say something after so many minutes of warm samples; before that caches still fill. */
const SLOPES_FROM_MINUTES = 10;
/** RSS that grows faster than this comes to 0.7 GiB a day. */
const MOST_RSS_BYTES_PER_MINUTE = 512 * 1024;
/** One that is left in two minutes is found within an hour; loads that come and go have no slope. */
const MOST_HANDLES_PER_MINUTE = 0.5;
const COURSE_POINTS = 12;
/** The share of the time that is no part of the regression: caches fill, code is compiled. */
const WARM_UP = 0.4;
const SAMPLES_AT_LEAST = 20;
const SAMPLE_AT_MOST_EVERY_MS = 10_000;
const MOST_FAILURES = 20;

/** Runs one. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { minutes, leaks = false, slowness = 1, onSample = () => {} } = options;
  await using origin = await startOrigin();
  const gateway = await startGatewayProcess(origin.url, leaks);
  const { clients, close } = clientsOf(gateway);
  const durationMs = minutes * 60_000;
  const untilMs = performance.now() + durationMs;
  const turns: Record<string, number> = {};
  const failures: string[] = [];
  let requests = 0;
  let failed = 0;

  async function load(client: Client): Promise<void> {
    while (performance.now() < untilMs) {
      try {
        await client.turn();
        requests += client.requests;
        turns[client.name] = (turns[client.name] ?? 0) + 1;
      } catch (error) {
        failed += 1;
        if (failures.length < MOST_FAILURES)
          failures.push(`${client.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await sleep(client.pauseMs * slowness);
    }
  }

  const points: SoakPoint[] = [];
  let swaps = 0;
  const beganMs = performance.now();
  const loading = Promise.all(clients.map(load));
  const everyMs = Math.min(SAMPLE_AT_MOST_EVERY_MS, durationMs / SAMPLES_AT_LEAST);
  while (performance.now() < untilMs) {
    await sleep(everyMs);
    const { kind: _kind, swaps: count, ...held } = await gateway.ask('sample', 'sample');
    swaps = count;
    const point = { minutes: (performance.now() - beganMs) / 60_000, requests, ...held };
    points.push(point);
    onSample(
      `${point.minutes.toFixed(1)} min, ${requests} requests, heap ${mebibytes(held.heapBytes)}, rss ${mebibytes(held.rssBytes)}, ${held.descriptors} descriptors, ${held.sockets} sockets, ${held.timers} timers`,
    );
  }
  await loading;
  close();
  const ended = await gateway.ask('end', 'ended');
  const warm = points.filter((point) => point.minutes >= minutes * WARM_UP);
  const perMinute = (held: (point: SoakPoint) => number): number =>
    medianSlopeOf(warm.map((point) => [point.minutes, held(point)]));
  const between = Math.max(1, Math.floor(points.length / COURSE_POINTS));
  return {
    requests,
    swaps,
    turns,
    failures,
    failed,
    warmRequests: (warm.at(-1)?.requests ?? 0) - (warm[0]?.requests ?? 0),
    heapBytesPerRequest: slopeOf(warm.map((point) => [point.requests, point.heapBytes])),
    heapBytesPerMinute: slopeOf(warm.map((point) => [point.minutes, point.heapBytes])),
    warmMinutes: (warm.at(-1)?.minutes ?? 0) - (warm[0]?.minutes ?? 0),
    rssBytesPerMinute: perMinute(({ rssBytes }) => rssBytes),
    descriptorsPerMinute: perMinute(({ descriptors }) => descriptors),
    socketsPerMinute: perMinute(({ sockets }) => sockets),
    timersPerMinute: perMinute(({ timers }) => timers),
    course: points.filter((_, at) => (points.length - 1 - at) % between === 0),
    drainMs: ended.drainMs,
    isWhole: ended.isWhole,
    resources: ended.resources,
  };
}

/** Everything that is wrong with what came of it. */
export function faultsOf(report: SoakReport): readonly string[] {
  const { failed, failures, warmRequests, heapBytesPerRequest, isWhole, resources } = report;
  const mostBytes = MOST_HEAP_BYTES + MOST_HEAP_BYTES_PER_REQUEST * warmRequests;
  return [
    ...(failed === 0 ? [] : [`${failed} requests failed that should not have: ${failures.join('; ')}`]),
    ...(heapBytesPerRequest * warmRequests <= mostBytes
      ? []
      : [`each request leaves ${Math.round(heapBytesPerRequest)} bytes behind`]),
    ...slopeFaults(report),
    ...(isWhole ? [] : ['requests were still under way when the grace was over']),
    ...(resources.length === 0 ? [] : [`the gateway had left after its end: ${resources.join(', ')}`]),
  ];
}

/** What grows by time, where there was enough of it. */
function slopeFaults(report: SoakReport): readonly string[] {
  const { warmMinutes, rssBytesPerMinute, descriptorsPerMinute, socketsPerMinute, timersPerMinute } = report;
  if (warmMinutes < SLOPES_FROM_MINUTES) return [];
  const handles = Object.entries({
    descriptors: descriptorsPerMinute,
    sockets: socketsPerMinute,
    timers: timersPerMinute,
  });
  return [
    ...(rssBytesPerMinute <= MOST_RSS_BYTES_PER_MINUTE
      ? []
      : [`rss grows by ${mebibytes(rssBytesPerMinute)} a minute`]),
    ...handles.flatMap(([what, slope]) =>
      slope <= MOST_HANDLES_PER_MINUTE ? [] : [`there are ${slope.toFixed(1)} more ${what} each minute`],
    ),
  ];
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

async function startGatewayProcess(origin: string, leaks: boolean) {
  const child = fork(fileURLToPath(new URL('./gateway-process.ts', import.meta.url)), {
    execArgv: ['--conditions=@fairlead/source', '--expose-gc'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      FAIRLEAD_SOAK_ORIGIN: origin,
      ...(leaks ? { FAIRLEAD_SOAK_LEAK: '1' } : {}),
    },
  });
  const { kind: _kind, ...reached } = await told(child, 'ready');
  return {
    ...reached,
    async ask<K extends Told['kind']>(asked: Asked, kind: K): Promise<Extract<Told, { kind: K }>> {
      const answer = told(child, kind);
      child.send(asked);
      return answer;
    },
  };
}

/** The next thing of a kind that the gateway says; its end is a failure. */
async function told<K extends Told['kind']>(child: ChildProcess, kind: K): Promise<Extract<Told, { kind: K }>> {
  const gone = new AbortController();
  const ended = once(child, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`The gateway has ended with ${String(code)}.`);
  });
  // Whoever has got an answer doesn't wait for the end.
  ended.catch(() => {});
  try {
    for (;;) {
      const [message] = await Promise.race([once(child, 'message', { signal: gone.signal }), ended]);
      // `as`: only gateway-process.ts is at the other end.
      const said = message as Told;
      if (said.kind === kind) return said as Extract<Told, { kind: K }>;
    }
  } finally {
    gone.abort();
  }
}
