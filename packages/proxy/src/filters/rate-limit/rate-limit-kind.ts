import {
  keyedLimit,
  neverReached,
  specProblems,
  type KeyedLimit,
  type KeyedVerdict,
  type LimitStanding,
  type RateSpec,
  type RateText,
  type ResolvedRate,
} from '@fairlead/policy';
import { CORE_ERRORS, thrower } from '@fairlead/core';
import { z } from 'zod';
import type { Filter, FilterFactory, LimitReport, NearAsk, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { toldKey } from '../told-key.ts';
import { whoeverIs, whoeverSchema, whoText, type ClientPrefixes, type Whoever } from '../who.ts';
import { OlderFields } from './older-fields.ts';

const rateText = z
  .string()
  // `as`: what is no rate is what is to be found.
  .transform((text) => text as RateText)
  .superRefine((rate, context) => {
    for (const problem of specProblems({ rateLimit: { rate } }))
      context.addIssue({ code: 'custom', message: problem.replace(/^rateLimit\.rate: /, '') });
  });

const ownRate = z.strictObject({
  rate: rateText,
  burst: z.int().min(1).optional(),
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'write a name in lower case, such as minute')
    .optional()
    .describe('What X-RateLimit fields call it. Default: its place, beginning with 1.'),
});

const schema = z.strictObject({
  type: z.literal('rate-limit'),
  by: whoeverSchema.describe(
    'Who has a limit of its own; of several, the first that a request has. Requests without it share one.',
  ),
  rates: z
    .array(z.union([rateText, ownRate]))
    .min(1)
    .superRefine((rates, context) => {
      const texts = rates.map((rate) => asRate(rate).rate);
      for (const { at, because } of neverReached(rates.map((rate) => asRate(rate)))) {
        const [text, other] = [texts[at] ?? '', texts[because] ?? ''];
        context.addIssue({
          code: 'custom',
          path: [at],
          message: `${JSON.stringify(text)} is never reached: ${JSON.stringify(other)} in rates[${because}] lets fewer through in a time that is not shorter; leave one out, or let the longer time have more`,
        });
      }
    })
    .describe('How many requests in how much time, such as 100/s; all of them hold.'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe('Routes that name the same limit count together. Default: the route’s own.'),
  cost: z.int().min(1).optional().describe('How many requests one weighs. Default 1.'),
  maxKeys: z.int().min(1).optional().describe('Of how many this process keeps count at a time. Default 10000.'),
  ipv4Prefix: z
    .int()
    .min(1)
    .max(32)
    .optional()
    .describe('Leading bits of an IPv4 address that are one client. Default 32.'),
  ipv6Prefix: z
    .int()
    .min(1)
    .max(128)
    .optional()
    .describe('Leading bits of an IPv6 address that are one client. Default 64.'),
  headers: z
    .union([z.boolean(), z.literal('x-ratelimit')])
    .optional()
    .describe(
      'Whether answers carry RateLimit and RateLimit-Policy, or those of older gateways: X-RateLimit-Limit and -Remaining of each rate, RateLimit-Limit, -Remaining and -Reset. Default true.',
    ),
  status: z.int().min(400).max(599).optional().describe('Of what is refused. Default 429.'),
  detail: z.string().min(1).optional().describe('What is said of it. Default: which limit it was.'),
  shared: z
    .strictObject({
      onFailure: z.enum(['local', 'open', 'closed']).optional(),
      timeout: z.string().optional(),
      pause: z.string().optional(),
    })
    .optional()
    .describe('Counts with other processes. Default: this one by itself.'),
});

type RateLimitFilterSpec = z.output<typeof schema>;

const fail = thrower(CORE_ERRORS);

/** Where the process that counts is one of this machine: to wait for it while it reads a configuration is better than to count apart. */
const BESIDE_US = { timeout: '2s' } as const;

/**
 * Limits by the generic cell rate algorithm: in any stretch of time no more than the burst and the rate's share of it. Tells
 * how it stands by the fields of the IETF's draft (`draft-ietf-httpapi-ratelimit-headers-10`).
 */
const make: FilterFactory<RateLimitFilterSpec> = (spec, world) => {
  const name = spec.name ?? world.route;
  const limits = spec.shared === undefined ? world.ownLimits : world.limits;
  const shared = spec.shared ?? (limits && BESIDE_US);
  if (shared !== undefined && limits === undefined) {
    const help =
      'Run it with "--redis" or "--workers", start the engine from a program that gives it a store (limits), or leave shared out.';
    throw fail('MISCONFIGURED', `The limit ${name} counts with other processes (shared), and there are none. ${help}`);
  }
  const limit = world.kept(
    `rate-limit ${name} ${JSON.stringify({ ...spec, headers: undefined, status: undefined, detail: undefined })}`,
    () =>
      keyedLimit({
        name,
        rates: spec.rates.map((rate) => asRate(rate)),
        clock: world.clock,
        limits,
        ...(spec.maxKeys === undefined ? {} : { maxKeys: spec.maxKeys }),
        // `as`: durations are read, and refused, where the limit is made.
        ...(shared === undefined ? {} : { shared: shared as { onFailure?: 'local' } }),
        onFailure: (failure) =>
          world.telemetry.log.warn(undefined, 'the store of limits does not answer', { limit: name, failure }),
      }),
  );
  return new RateLimitFilter(spec, name, limit);
};

class RateLimitFilter implements Filter {
  readonly type = 'rate-limit';
  readonly #limit: KeyedLimit;
  readonly #by: Whoever;
  readonly #prefixes: ClientPrefixes;
  readonly #cost: number;
  readonly #name: string;
  readonly #rates: readonly ResolvedRate[];
  readonly #policyField: string | undefined;
  readonly #texts: readonly string[];
  readonly #older: OlderFields | undefined;
  readonly #status: number;
  readonly #detail: string | undefined;

  constructor(spec: RateLimitFilterSpec, name: string, limit: KeyedLimit) {
    this.#limit = limit;
    this.#by = spec.by;
    this.#prefixes = { ipv4: spec.ipv4Prefix ?? 32, ipv6: spec.ipv6Prefix ?? 64 };
    this.#cost = spec.cost ?? 1;
    this.#texts = spec.rates.map((rate) => asRate(rate).rate);
    // A string of structured fields (RFC 9651) is ASCII without quotes here.
    this.#name = name.replaceAll(/[^\x20-\x7e]|["\\]/g, '-');
    const { rates } = limit.inspect();
    this.#rates = rates;
    this.#policyField =
      spec.headers === false || spec.headers === 'x-ratelimit'
        ? undefined
        : rates
            .map(({ count, perMs }, at) => `${this.#nameOf(at)};q=${count};w=${Math.ceil(perMs / 1_000)}`)
            .join(', ');
    const names = spec.rates.map((rate, at) => (typeof rate === 'string' ? undefined : rate.name) ?? String(at + 1));
    this.#older = spec.headers === 'x-ratelimit' ? new OlderFields(names, rates) : undefined;
    this.#status = spec.status ?? 429;
    this.#detail = spec.detail;
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    const key = whoeverIs(passage, this.#by, this.#prefixes);
    const verdict = this.#limit.admit(() => passage.ctx, key, this.#cost);
    return verdict instanceof Promise
      ? verdict.then((known) => this.#told(passage, key, known))
      : this.#told(passage, key, verdict);
  }

  limit({ share, most }: NearAsk): LimitReport {
    const { name, keys, maxKeys, overflowed, admitted, refused, rates, shared } = this.#limit.inspect();
    const near = this.#limit.near(share, most);
    return {
      name,
      by: whoText(this.#by),
      who: this.#by,
      isShared: shared !== undefined,
      keys,
      maxKeys,
      overflowed,
      admitted,
      refused,
      rates: rates.map(({ burst }, at) => ({
        rate: this.#texts[at] ?? '',
        burst,
        near: (near[at] ?? []).map((each) => ({ ...each, key: toldKey(this.#by, each.key) })),
      })),
    };
  }

  #told(passage: Passage, key: string, verdict: KeyedVerdict): Verdict {
    if (verdict.kind === 'unknown') {
      const detail = 'Whether there is room for this request can not be told now; come back later.';
      return { status: 503, cause: 'LIMIT_UNKNOWN', detail, retryAfterMs: verdict.retryAfterMs };
    }
    if (this.#older === undefined) this.#stamp(passage, verdict.standing);
    else this.#older.stamp(passage, this.#limit.standings(key) ?? [verdict.standing]);
    if (verdict.kind === 'admitted') return undefined;
    const { count, perMs } = verdict.standing.rate;
    const detail = this.#detail ?? `There were more requests than ${count} in ${perMs / 1_000} s; come back later.`;
    return { status: this.#status, cause: 'RATE_LIMITED', detail, retryAfterMs: verdict.retryAfterMs };
  }

  #stamp(passage: Passage, { rate, available }: LimitStanding): void {
    if (this.#policyField === undefined) return;
    const at = this.#rates.indexOf(rate);
    const untilFullS = Math.ceil(((rate.burst - available) * rate.perMs) / rate.count / 1_000);
    passage.setAnswer('ratelimit-policy', this.#policyField);
    passage.setAnswer('ratelimit', `${this.#nameOf(Math.max(0, at))};r=${Math.max(0, available)};t=${untilFullS}`);
  }

  #nameOf(at: number): string {
    return at === 0 ? `"${this.#name}"` : `"${this.#name}-${at}"`;
  }
}

function asRate(rate: RateText | z.output<typeof ownRate>): RateSpec {
  if (typeof rate === 'string') return { rate };
  return rate.burst === undefined ? { rate: rate.rate } : { rate: rate.rate, burst: rate.burst };
}

/** `rate-limit`: how many requests in how much time. */
export const rateLimitKind: FilterKind<RateLimitFilterSpec> = {
  type: 'rate-limit',
  open: ['by', 'by.*', 'by.*.*', 'rates.*', 'rates.*.rate', 'rates.*.name', 'name', 'headers', 'detail', 'shared.*'],
  schema,
  isAtDoor: ({ by }) => by === 'ip',
  explain: ({ by, rates, shared }) =>
    `lets ${rates.map((rate) => asRate(rate).rate).join(' and ')} through for each ${whoText(by)}${shared === undefined ? '' : ', counted with other processes'}`,
  make,
};
