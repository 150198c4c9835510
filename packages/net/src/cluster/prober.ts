import { connect } from 'node:net';
import { createContext, isError, type Clock, type Random } from '@fairlead/core';
import { whyOf } from '../client/call.ts';
import type { Endpoint, Protocol } from '../client/options.ts';
import { clientPool } from '../client/pool.ts';
import type { ResolvedHealth } from './health-options.ts';

/** What a check found. `isSaid` when the endpoint itself says that it wants no requests. */
export type Finding =
  | { readonly kind: 'healthy' }
  | { readonly kind: 'unhealthy'; readonly why: string; readonly isSaid: boolean };

/** Asks one endpoint how it is. */
export interface Prober {
  /** Never rejects. Ends early, with whatever it finds then, when `signal` aborts. */
  probe(signal: AbortSignal): Promise<Finding>;
}

/** What probers are made with. */
export interface ProbeTools {
  readonly clock: Clock;
  readonly random: Random;
  /** What endpoints speak. Default `http1`. */
  readonly protocol?: Protocol;
}

/** Makes the prober of an endpoint; `host` is what requests to it say in `Host`. */
export type MakeProber = (endpoint: Endpoint, options: ResolvedHealth, host: string | undefined) => Prober;

const HEALTHY: Finding = { kind: 'healthy' };
const SERVICE_UNAVAILABLE = 503;
const MAX_ANSWER_BYTES = 64 * 1024;

/** On connections of their own, opened for each check: a full pool is no illness, and not being able to connect is one. */
export function proberOf(tools: ProbeTools): MakeProber {
  return (endpoint, options, host) =>
    options.kind === 'tcp' ? tcpProber(endpoint, options, tools) : httpProber(endpoint, host, options, tools);
}

function httpProber(
  endpoint: Endpoint,
  usualHost: string | undefined,
  { path, method, expectedStatuses: [from, to], timeoutMs, host = usualHost }: ResolvedHealth,
  { clock, random, protocol = 'http1' }: ProbeTools,
): Prober {
  const request = { method, target: path, fields: { 'user-agent': 'fairlead-health' }, body: undefined };
  return {
    async probe(signal) {
      await using pool = clientPool({
        endpoint,
        clock,
        protocol,
        maxConnections: 1,
        idleTimeoutMs: 0,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        ...(host === undefined ? {} : { host }),
      });
      using ctx = createContext({ clock, random, timeoutMs, signal });
      try {
        const { status } = await pool.request(ctx, request);
        return status >= from && status <= to
          ? HEALTHY
          : unhealthy(`${method} ${path} was answered ${status}`, status === SERVICE_UNAVAILABLE);
      } catch (error) {
        if (isError(error, 'DEADLINE_EXCEEDED')) return unhealthy(`${method} ${path} took longer than ${timeoutMs} ms`);
        return unhealthy(error instanceof Error ? error.message : String(error));
      }
    },
  };
}

function tcpProber(endpoint: Endpoint, { timeoutMs }: ResolvedHealth, { clock }: ProbeTools): Prober {
  return {
    probe(signal) {
      const { promise, resolve } = Promise.withResolvers<Finding>();
      const socket = connect(
        'path' in endpoint ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port },
      );
      const timer = clock.setTimer(timeoutMs, () => end(unhealthy(`no connection within ${timeoutMs} ms`)));
      const onAbort = (): void => end(unhealthy('the check was given up'));
      const end = (finding: Finding): void => {
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve(finding);
      };
      socket.once('connect', () => end(HEALTHY));
      // Stays, since a socket may fail again while it is being destroyed.
      socket.on('error', (error) => end(unhealthy(`no connection: ${whyOf(error) ?? error.message}`)));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
      return promise;
    },
  };
}

function unhealthy(why: string, isSaid = false): Finding {
  return { kind: 'unhealthy', why, isSaid };
}
