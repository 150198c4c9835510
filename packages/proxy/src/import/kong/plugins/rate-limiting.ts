import { z } from 'zod';
import { given } from '../../../snapshot/given.ts';
import { pluginImport } from '../plugin-import.ts';

const PERIODS = ['second', 'minute', 'hour', 'day', 'month', 'year'] as const;
/** Of months the mean. */
const LENGTHS: Readonly<Record<(typeof PERIODS)[number], string>> = {
  second: '1s',
  minute: '1m',
  hour: '1h',
  day: '24h',
  month: '730h',
  year: '8760h',
};
const limit = z.number().positive().optional();
const redis = z.looseObject({ host: z.string().optional() });

const form = z
  .strictObject({
    second: limit,
    minute: limit,
    hour: limit,
    day: limit,
    month: limit,
    year: limit,
    limit_by: z
      .enum(['consumer', 'credential', 'ip', 'service', 'header', 'path', 'consumer-group'])
      .default('consumer'),
    header_name: z.string().optional(),
    path: z.string().optional(),
    policy: z.enum(['local', 'cluster', 'redis']).default('local'),
    fault_tolerant: z.boolean().default(true),
    hide_client_headers: z.boolean().default(false),
    error_code: z.int().min(400).max(599).default(429),
    error_message: z.string().default('API rate limit exceeded'),
    sync_rate: z.number().optional(),
    redis: redis.optional(),
    redis_host: z.string().optional(),
    redis_port: z.int().optional(),
    redis_password: z.string().optional(),
    redis_username: z.string().optional(),
    redis_ssl: z.boolean().optional(),
    redis_ssl_verify: z.boolean().optional(),
    redis_server_name: z.string().optional(),
    redis_timeout: z.int().optional(),
    redis_database: z.int().optional(),
  })
  .superRefine((config, context) => {
    const limits = PERIODS.flatMap((period) =>
      config[period] === undefined ? [] : [{ period, count: config[period] }],
    );
    if (limits.length === 0)
      context.addIssue({ code: 'custom', message: `limits nothing; write one of ${PERIODS.join(', ')}` });
    for (const [at, { period, count }] of limits.entries()) {
      const shorter = limits.slice(0, at).find((each) => each.count > count);
      if (shorter !== undefined)
        context.addIssue({
          code: 'custom',
          path: [period],
          message: `is ${count}, below the ${shorter.count} of one ${shorter.period}, which could never be used up; write no less`,
        });
    }
    for (const [by, key] of [
      ['header', 'header_name'],
      ['path', 'path'],
    ] as const)
      if (config.limit_by === by && config[key] === undefined)
        context.addIssue({ code: 'custom', path: ['limit_by'], message: `is ${by}; say which with ${key}` });
  });

type Config = z.output<typeof form>;

export const rateLimiting = pluginImport<Config>({
  name: 'rate-limiting',
  priority: 910,
  form,
  hangsOnService: ({ limit_by: by }) => by === 'service',
  become(config, { what, place, scope, service, report }) {
    report.note(
      place,
      what,
      'counts exactly, also of requests at the same time, which Kong lets slip through; and its limits refill steadily instead of starting anew at each full minute or hour',
    );
    if (config.policy !== 'local') report.note([...place, 'policy'], what, countsAlone(config.policy));
    const rates = PERIODS.flatMap((period) => {
      const count = config[period];
      return count === undefined ? [] : [{ rate: `${count}/${LENGTHS[period]}`, name: period }];
    });
    const ofService = config.limit_by === 'service' ? ` service ${service?.value.name ?? service?.value.id ?? ''}` : '';
    return {
      filters: [
        {
          type: 'rate-limit',
          name: `${scope}${ofService}`,
          by: byOf(config),
          rates,
          ...(config.hide_client_headers ? { headers: false } : { headers: 'x-ratelimit' }),
          ...(config.error_code === 429 ? {} : { status: config.error_code }),
          ...(config.error_message === 'API rate limit exceeded' ? {} : { detail: config.error_message }),
        },
      ],
    };
  },
});

/** What becomes of counts that nodes of Kong share. */
function countsAlone(policy: string): string {
  return `is counted by this gateway by itself, its workers together; ${policy} is not asked, so that several gateways have a limit each`;
}

/** Who has a limit of its own; whoever is none of it is told apart by address, as Kong does it. */
function byOf({
  limit_by: by,
  header_name: header = '',
  path = '',
}: Pick<Config, 'limit_by' | 'header_name' | 'path'>): unknown {
  switch (by) {
    case 'ip':
      return 'ip';
    case 'service':
      return 'route';
    case 'header':
      return [{ header: header.toLowerCase() }, 'ip'];
    case 'path':
      return [{ path }, 'ip'];
    default:
      return ['consumer', 'ip'];
  }
}

const DAY_S = 86_400;

/** The enterprise edition's: limits of any length, in one list. */
export const rateLimitingAdvanced = pluginImport({
  name: 'rate-limiting-advanced',
  priority: 910,
  form: z
    .looseObject({
      limit: z.array(z.number().positive()).min(1),
      window_size: z.array(z.number().positive()).min(1),
      identifier: z
        .enum(['consumer', 'credential', 'ip', 'service', 'header', 'path', 'consumer-group'])
        .default('consumer'),
      header_name: z.string().optional(),
      path: z.string().optional(),
      strategy: z.enum(['local', 'cluster', 'redis']).default('local'),
      hide_client_headers: z.boolean().default(false),
      error_code: z.int().min(400).max(599).default(429),
      error_message: z.string().default('API rate limit exceeded'),
      disable_penalty: z.boolean().optional(),
    })
    .superRefine(({ limit: limits, window_size: sizes, identifier, header_name: header, path }, context) => {
      const say = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
      if (limits.length !== sizes.length)
        say('window_size', `has ${sizes.length} lengths for ${limits.length} limits; write one for each`);
      if (identifier === 'header' && header === undefined) say('identifier', 'is header; say which with header_name');
      if (identifier === 'path' && path === undefined) say('identifier', 'is path; say which with path');
      const rates = limits.map((count, at) => ({ count, size: sizes[at] ?? 1 })).toSorted((a, b) => a.size - b.size);
      for (const [at, { count, size }] of rates.entries())
        if (rates.slice(0, at).some((each) => each.count > count && each.size < size))
          say('limit', `has ${count} in ${size} s, below that of a shorter time, which could never be used up`);
    }),
  hangsOnService: ({ identifier }) => identifier === 'service',
  become(config, { what, place, scope, service, report }) {
    const { limit: limits, window_size: sizes, identifier, header_name: header, path } = config;
    report.note(place, what, 'counts exactly, and its limits refill steadily instead of by windows');
    if (config.strategy !== 'local') report.note([...place, 'strategy'], what, countsAlone(config.strategy));
    const ofService = identifier === 'service' ? ` service ${service?.value.name ?? service?.value.id ?? ''}` : '';
    return {
      filters: [
        {
          type: 'rate-limit',
          name: `${scope}${ofService}`,
          by: byOf({ limit_by: identifier, ...given({ header_name: header, path }) }),
          rates: limits.map((count, at) => ({
            rate: `${count}/${lengthOf(sizes[at] ?? 1)}`,
            name: String(sizes[at] ?? 1).replace(/^/, 's'),
          })),
          headers: config.hide_client_headers ? false : 'x-ratelimit',
          ...(config.error_code === 429 ? {} : { status: config.error_code }),
          ...(config.error_message === 'API rate limit exceeded' ? {} : { detail: config.error_message }),
        },
      ],
    };
  },
});

function lengthOf(seconds: number): string {
  return seconds % DAY_S === 0 ? `${(seconds / DAY_S) * 24}h` : `${Math.round(seconds * 1_000)}ms`;
}
