import type { Endpoint } from '@fairlead/net';
import { z } from 'zod';
import type { CompiledEndpoint } from './compiled-endpoint.ts';
import { given } from './given.ts';
import { policyReference } from './policy-form.ts';
import { duration, share, size } from './quantities.ts';

/** `http://host:port`, `https://host` or `unix:/path`; `undefined` when it is none. */
function parseEndpoint(text: string): Endpoint | undefined {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return undefined;
  if (url.username !== '' || url.password !== '' || !/^\/?$/.test(url.pathname) || /[?#]/.test(text)) return undefined;
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return isTls ? { host, port, isTls } : { host, port };
}

/** How a cluster behaves, in the units of `openCluster`. */
export type ClusterSettings = ReturnType<typeof settingsOf>;

function settingsOf(written: {
  readonly balancer?: z.output<typeof balancer> | undefined;
  readonly maxLoadFactor?: number | undefined;
  readonly health?: 'off' | z.output<typeof health> | undefined;
  readonly outliers?: 'off' | z.output<typeof ejection> | z.output<typeof probation> | undefined;
  readonly slowStart?: z.output<typeof slowStart> | undefined;
  readonly panic?: number | undefined;
  readonly zone?: string | undefined;
  readonly limits?: z.output<typeof limits> | undefined;
  readonly pool?: z.output<typeof pool> | undefined;
  readonly protocol?: 'http1' | 'h2' | undefined;
}) {
  const { balancer: name, maxLoadFactor, panic, zone, protocol } = written;
  return given({
    balancer: name,
    maxLoadFactor,
    health: written.health,
    outliers: written.outliers,
    slowStart: written.slowStart,
    panicThreshold: panic,
    zone: zone === undefined ? undefined : { own: zone },
    limits: written.limits,
    pool: protocol === undefined ? written.pool : { ...written.pool, protocol },
  });
}

const address = z.string().transform((text, context) => {
  const parsed = parseEndpoint(text);
  if (parsed !== undefined) return parsed;
  const message = `write http://10.0.0.7:3000, https://api.example.com or unix:/run/orders.sock, without a path, not ${JSON.stringify(text)}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const endpoint = z.union([
  address.transform((parsed): CompiledEndpoint => ({ endpoint: parsed, weight: 1, zone: undefined })),
  z
    .strictObject({
      address,
      weight: z.int().min(1).max(65_535).default(1).describe('How much it takes, compared with the others.'),
      zone: z.string().min(1).optional().describe('Where it runs.'),
    })
    .transform(({ address: parsed, weight, zone }): CompiledEndpoint => ({ endpoint: parsed, weight, zone })),
]);

const off = z.literal('off');
const count = z.int().min(0);
const atLeastOne = z.int().min(1);

const health = z
  .strictObject({
    kind: z.enum(['http', 'tcp'], { error: 'must be http or tcp' }).optional().describe('Default http.'),
    path: z.string().startsWith('/', 'must begin with /').optional().describe('Default /health/ready.'),
    method: z.enum(['GET', 'HEAD'], { error: 'must be GET or HEAD' }).optional(),
    host: z.string().min(1).optional().describe('What the request says in Host.'),
    statuses: z
      .tuple([z.int().min(200).max(599), z.int().min(200).max(599)])
      .refine(([from, to]) => from <= to, 'must be a range, the lower status first')
      .optional()
      .describe('From and to. Default [200, 299].'),
    interval: duration.optional().describe('Default 5s.'),
    unhealthyInterval: duration.optional().describe('Default: interval.'),
    jitter: share.optional().describe('Default 10%.'),
    timeout: duration.optional().describe('Default 1s.'),
    healthyAfter: atLeastOne.optional().describe('Successes in a row that bring an endpoint back. Default 2.'),
    unhealthyAfter: atLeastOne.optional().describe('Failures in a row that take it out. Default 3.'),
  })
  .transform((written) =>
    given({
      kind: written.kind,
      path: written.path,
      method: written.method,
      host: written.host,
      expectedStatuses: written.statuses,
      intervalMs: written.interval,
      unhealthyIntervalMs: written.unhealthyInterval,
      jitterRatio: written.jitter,
      timeoutMs: written.timeout,
      healthyThreshold: written.healthyAfter,
      unhealthyThreshold: written.unhealthyAfter,
    }),
  );

const ejection = z
  .strictObject({
    kind: z.literal('ejection', { error: 'must be ejection or probation' }).optional().describe('As Envoy does it.'),
    consecutiveFailures: count.optional().describe('Default 5. 0 turns it off.'),
    consecutiveGatewayErrors: count.optional().describe('Default 0: off.'),
    interval: duration.optional().describe('Default 10s.'),
    base: duration.optional().describe('Of the first time out. Default 30s.'),
    max: duration.optional().describe('Default 5m.'),
    jitter: duration.optional().describe('Default 0s.'),
    maxEjected: share.optional().describe('Default 10%, at least one, never the only one.'),
    mayEjectOnly: z.boolean().optional().describe('Default false.'),
    successRate: z
      .union([
        off,
        z
          .strictObject({
            minEndpoints: atLeastOne.optional(),
            minRequests: atLeastOne.optional(),
            deviations: z.number().min(0).optional(),
          })
          .transform((written) => given(written)),
      ])
      .optional()
      .describe('Default on: 5 endpoints, 100 requests, 1.9 standard deviations.'),
    failurePercentage: z
      .union([
        off,
        z
          .strictObject({
            share: share.optional(),
            minEndpoints: atLeastOne.optional(),
            minRequests: atLeastOne.optional(),
          })
          .transform(({ share: ratio, ...rest }) => given({ ratio, ...rest })),
      ])
      .optional()
      .describe('Default off; 85%, 5 endpoints, 50 requests.'),
  })
  .transform(({ interval, base, max, jitter, maxEjected, ...rest }) =>
    given({
      ...rest,
      intervalMs: interval,
      baseMs: base,
      maxMs: max,
      jitterMs: jitter,
      maxEjectedRatio: maxEjected,
    }),
  );

const probation = z
  .strictObject({
    kind: z.literal('probation', { error: 'must be ejection or probation' }).describe('As Linkerd does it.'),
    consecutiveFailures: atLeastOne.optional().describe('Default 7.'),
    minPenalty: duration.optional().describe('Default 1s; it doubles each time.'),
    maxPenalty: duration.optional().describe('Default 1m.'),
    jitter: share.optional().describe('Default 50%.'),
    maxEjected: share.optional().describe('Default 100%.'),
    mayEjectOnly: z.boolean().optional().describe('Default false.'),
  })
  .transform(({ minPenalty, maxPenalty, jitter, maxEjected, ...rest }) =>
    given({
      ...rest,
      minPenaltyMs: minPenalty,
      maxPenaltyMs: maxPenalty,
      jitterRatio: jitter,
      maxEjectedRatio: maxEjected,
    }),
  );

const pool = z
  .strictObject({
    host: z.string().min(1).optional().describe("What requests say in Host. Default: the endpoint's."),
    connectTimeout: duration.optional().describe('TLS included. Default 2s.'),
    idleTimeout: duration.optional().describe('How long an unused connection is kept. Default 4s. 0s keeps none.'),
    maxAnswer: size.optional().describe('Of answers that are read whole. Default 16MiB.'),
    maxHead: size.optional().describe('Default 16KiB.'),
    maxFields: atLeastOne.optional().describe('Default 100.'),
  })
  .transform((written) =>
    given({
      host: written.host,
      connectTimeoutMs: written.connectTimeout,
      idleTimeoutMs: written.idleTimeout,
      maxAnswerBytes: written.maxAnswer,
      maxHeadBytes: written.maxHead,
      maxFields: written.maxFields,
    }),
  );

const balancer = z.enum(['p2c', 'round-robin', 'least-request', 'ring-hash', 'maglev', 'random'], {
  error: 'must be p2c, round-robin, least-request, ring-hash, maglev or random',
});

const slowStart = z
  .strictObject({
    window: duration.describe('0s gives the whole share at once.'),
    aggression: z.number().positive().optional().describe('Default 1: a line.'),
    min: share.optional().describe('Default 10%.'),
  })
  .transform(({ window, aggression, min }) => given({ windowMs: window, aggression, minShare: min }));

const limits = z
  .strictObject({
    maxConnections: atLeastOne.optional().describe('To one endpoint. Default 1024.'),
    maxPending: count.optional().describe('Waiting for a connection. Default 1024.'),
    maxRequests: atLeastOne.optional().describe('Default 1024.'),
    maxRetries: count.optional().describe('Default 1024.'),
  })
  .transform((written) => given(written));

/** A cluster, as people write it. */
export const clusterForm = z
  .strictObject({
    endpoints: z
      .array(endpoint)
      .optional()
      .describe('Those that answer. May be empty: then requests are answered with 503.'),
    dns: z
      .string()
      .transform((text, context) => {
        const parsed = parseEndpoint(text);
        if (parsed !== undefined && 'host' in parsed) return parsed;
        context.addIssue(`write http://orders.internal:3000, not ${JSON.stringify(text)}`);
        return z.NEVER;
      })
      .optional()
      .describe('A name whose addresses are the endpoints, asked for again and again. In place of endpoints.'),
    protocol: z
      .enum(['http1', 'h2'], { error: 'must be http1 or h2' })
      .optional()
      .describe('What its endpoints speak; h2 without TLS by prior knowledge. gRPC needs h2. Default http1.'),
    balancer: balancer.optional().describe('Default p2c.'),
    maxLoadFactor: z.number().min(1).optional().describe('For ring-hash and maglev: how much above its share.'),
    health: z.union([off, health]).optional().describe('Default off.'),
    outliers: z.union([off, ejection, probation]).optional().describe("Default: Envoy's rules."),
    slowStart: slowStart.optional(),
    panic: share.optional().describe('When a smaller share is healthy, all are asked. Default 50%. 0% never.'),
    zone: z.string().min(1).optional().describe('The own zone, which is preferred. Default: zones do not count.'),
    limits: limits.optional(),
    pool: pool.optional(),
    policy: policyReference.optional().describe('How its requests behave under stress. Default: none.'),
  })
  .superRefine((cluster, context) => {
    const { endpoints, dns, balancer: name = 'p2c', zone, maxLoadFactor } = cluster;
    const say = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (endpoints === undefined && dns === undefined)
      say('endpoints', 'is missing; list who answers, or name them with dns');
    if (endpoints !== undefined && dns !== undefined) say('dns', 'stands beside endpoints; write one of them');
    const hashes = name === 'ring-hash' || name === 'maglev';
    if (hashes && zone !== undefined)
      say('zone', `does not go with ${name}: what hashes alike would be elsewhere in each zone; leave it out`);
    if (!hashes && maxLoadFactor !== undefined) say('maxLoadFactor', `has no meaning for ${name}; leave it out`);
  })
  .transform((written) => ({ ...written, settings: settingsOf(written) }));
