// Parts of what the admin API answers; admin-contract.ts puts them together.
import { z } from 'zod';

/** A time. */
export const isoTime = z.iso.datetime().describe('ISO 8601, UTC.');
/** From 0 to 1. */
export const share = z.number().min(0).max(1);
/** How many. */
export const count = z.int().min(0);

/** Which processes an answer is of. */
export const processes = z
  .array(
    z.object({
      pid: z.int(),
      told: z.boolean().describe('Whether its part is in the answer.'),
      why: z.string().optional().describe('Why it is not.'),
    }),
  )
  .describe('Processes of the gateway. Figures are sums of those that told.');

/** Why, and how often. */
export const causes = z.array(z.object({ cause: z.string(), requests: count })).describe('The most frequent first.');

/** A configuration as it was written. */
export const written = z.record(z.string(), z.json());

/** Which configuration it is, and since when. */
export const snapshotOf = {
  hash: z.string().describe('SHA-256 of what was written. The same hash means the same behaviour.'),
  origin: z.string().describe('Where it came from.'),
  loadedAt: isoTime,
  ageS: z.number(),
};

/** Why a configuration was refused. */
export const reason = z.object({
  code: z.string(),
  message: z.string(),
  problems: z.array(
    z.object({ path: z.string(), message: z.string(), line: count.optional(), column: count.optional() }),
  ),
});

/** What became of a configuration that was tried. */
export const swap = z.object({
  at: isoTime,
  kind: z.enum(['started', 'taken', 'same', 'refused']),
  hash: z.string().optional().describe('Of what was started or taken.'),
  routes: count.optional(),
  reason: reason.optional().describe('Why it was refused; the last good one stays at work.'),
});

/** Rate, errors and durations. */
export const red = {
  windowS: z.number().describe('How long "lately" is: about a minute, less after the start.'),
  requests: count,
  perSecond: z.number(),
  failed: count.describe('Answered with 500 or more, or cut off.'),
  refused: count.describe('Answered by the gateway itself with 400 to 498.'),
  cancelled: count.describe('Whose client went away.'),
  causes,
  p50Ms: z.number().describe('Off by an eighth at most, as the others.'),
  p95Ms: z.number(),
  p99Ms: z.number(),
};

const cause = z.record(z.string(), z.json());

/** An endpoint of a cluster, as one process sees it. */
export const endpoint = z.object({
  address: z.string(),
  zone: z.string().optional(),
  weight: z.number(),
  state: z.enum(['serving', 'warming', 'unhealthy', 'ejected', 'probation']),
  since: isoTime.optional(),
  until: isoTime.optional(),
  reason: z.string().optional().describe('Why it is out: the rule, or what its check said.'),
  measured: cause.optional().describe('What the rule has measured.'),
  isPicked: z.boolean(),
  inFlight: count,
  latencyMs: z.number(),
  attempts: count,
  failures: count,
  connections: z.object({ open: count, idle: count, waiting: count, opened: count, failed: count }),
});

/** Why a request goes where it goes. */
export const explanation = z.object({
  request: z.object({ method: z.string(), host: z.string(), path: z.string(), query: z.string() }),
  listener: z.object({ name: z.string(), address: z.string() }),
  destiny: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('route'),
      route: z.string(),
      parameters: z.record(z.string(), z.string()),
      filters: z.array(z.object({ type: z.string(), says: z.string(), isShared: z.boolean() })),
      destinations: z.array(
        z.object({ cluster: z.string(), share, endpoints: z.array(z.string()), balancer: z.string() }),
      ),
      timeoutMs: z.number(),
      maxBodyBytes: z.number(),
      policy: z.object({ of: z.enum(['route', 'cluster']), name: z.string() }).optional(),
      needed: z.array(z.enum(['identity', 'body'])),
    }),
    z.object({ kind: z.literal('refused'), status: z.int(), code: z.string(), why: z.string() }),
  ]),
  candidates: z.array(
    z.object({
      route: z.string(),
      match: count,
      words: z.string(),
      hosts: z.array(z.string()),
      verdict: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('won') }),
        z.object({ kind: z.literal('outranked'), why: z.string() }),
        z.object({ kind: z.literal('does-not-fit'), why: z.string() }),
      ]),
    }),
  ),
});

/** How many are listed. */
export const most = count.min(1).max(10_000).describe('At most so many.');
