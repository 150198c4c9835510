import { z } from 'zod';
import { pluginImport } from '../plugin-import.ts';

const texts = z.array(z.string().min(1));
const DEFAULT_TTL_S = 300;

export const proxyCache = pluginImport({
  name: 'proxy-cache',
  priority: 100,
  form: z.strictObject({
    response_code: z.array(z.int().min(100).max(900)).min(1).default([200, 301, 404]),
    request_method: z.array(z.string()).default(['GET', 'HEAD']),
    content_type: texts.default(['text/plain', 'application/json']),
    cache_ttl: z.int().min(1).default(DEFAULT_TTL_S),
    strategy: z.enum(['memory'], { error: 'must be memory' }).default('memory'),
    cache_control: z.boolean().default(false),
    ignore_uri_case: z.boolean().default(false),
    storage_ttl: z.int().optional(),
    memory: z.strictObject({ dictionary_name: z.string().optional() }).optional(),
    vary_query_params: texts.default([]),
    vary_headers: texts.default([]),
    response_headers: z.record(z.string(), z.boolean()).optional(),
  }),
  become(config, { report, place, what, scope }) {
    const others = config.request_method.filter((method) => method !== 'GET' && method !== 'HEAD');
    if (others.length > 0)
      report.refuse(
        [...place, 'request_method'],
        `stores answers to ${others.join(', ')}, which change something each time; leave them out`,
      );
    if (config.vary_headers.length > 0)
      report.refuse(
        [...place, 'vary_headers'],
        'tells answers apart by fields that they do not name; let the service say Vary, and leave this out',
      );
    if (config.ignore_uri_case)
      report.note([...place, 'ignore_uri_case'], what, 'tells paths apart by upper and lower case, as the service may');
    if (config.vary_query_params.length > 0)
      report.note(
        [...place, 'vary_query_params'],
        what,
        'tells answers apart by the whole query, so that none is given for another',
      );
    const statuses = config.response_code.filter((status) => status >= 200 && status < 600);
    report.note(
      place,
      what,
      `keeps to RFC 9111, which Kong ignores: what a service says of freshness counts (no-store, private, max-age, Vary), cache_ttl counts where it says nothing, answers to requests with credentials are stored only when they may be, and all types of content are; Cache-Status tells of it instead of X-Cache-Status`,
    );
    return {
      filters: [
        {
          type: 'cache',
          zone: scope.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 63),
          statuses,
          defaultTtl: `${config.cache_ttl}s`,
          ...(config.cache_control ? {} : { requests: 'ignore' }),
        },
      ],
    };
  },
});
