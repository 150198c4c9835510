import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer, Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { hostName } from '../snapshot/names.ts';
import { ambiguousTarget } from './rewrite/ambiguous-target.ts';
import { pathChange, pathChangeSchema, pathChangeWords } from './rewrite/path-change.ts';

type Scheme = 'http' | 'https';

const STATUSES = [301, 302, 303, 307, 308] as const;
const PORTS: Readonly<Record<Scheme, number>> = { http: 80, https: 443 };

const schema = z
  .strictObject({
    type: z.literal('redirect'),
    scheme: z.enum(['http', 'https']).optional().describe('Default: that of the request.'),
    host: hostName
      .refine((host) => !host.startsWith('*.'), { message: 'is a name for many; write one' })
      .optional()
      .describe('Default: that of the request.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe("Default: with a scheme, the scheme's own; else the one in the request's Host."),
    path: pathChangeSchema.optional().describe('What becomes of the path. Default: it stays.'),
    query: z.enum(['keep', 'drop']).optional().describe('What becomes of the query. Default keep.'),
    status: z.literal(STATUSES).optional().describe('Default 302. 307 and 308 keep method and body.'),
  })
  .refine(({ scheme, host, port, path }) => [scheme, host, port, path].some((part) => part !== undefined), {
    message: 'leads back to where it comes from; write scheme, host, port or path',
  });

type RedirectSpec = z.output<typeof schema>;

/**
 * Sends clients elsewhere, as the Gateway API's HTTPRequestRedirectFilter does. A request that is already where it would be
 * sent goes on, so that the same filter can stand before listeners with TLS and without.
 */
const make: FilterFactory<RedirectSpec> = (spec) => {
  const { query = 'keep', status = 302 } = spec;
  const pathAfter = spec.path && pathChange(spec.path);
  const filter: Filter = {
    type: 'redirect',
    request(passage) {
      const scheme: Scheme = passage.isTls ? 'https' : 'http';
      const host = spec.host ?? passage.host;
      if (host === '') return NO_HOST;
      const after = pathAfter?.(passage.path) ?? passage.path;
      if (typeof after !== 'string') return ambiguousTarget(after.ambiguous);
      const asked = askedPort(passage);
      const target = query === 'keep' ? after + passage.query : after;
      const location = urlOf(spec.scheme ?? scheme, host, spec.port ?? (spec.scheme ? undefined : asked), target);
      if (location !== urlOf(scheme, passage.host, asked, passage.path + passage.query))
        return { status, cause: 'REDIRECTED', detail: location, fields: { location }, body: '' };
      return passage.cluster === '' ? LOOP : undefined;
    },
  };
  return filter;
};

const NO_HOST: LocalAnswer = {
  status: 400,
  cause: 'BAD_REQUEST',
  detail: 'The request names no host, which is needed to say where it should go instead.',
};
/** Nobody has said who answers what needs no redirect. */
const LOOP: LocalAnswer = {
  status: 508,
  cause: 'REDIRECT_LOOP',
  detail: 'The request is already where it would be sent, and nobody answers here.',
};

/** The port in the request's Host: the one that the client knows, whatever stands in between. */
function askedPort({ fields }: Passage): number | undefined {
  const digits = /:(\d+)$/.exec(fields.get('host') ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A port that is the scheme's own is not written. `OPTIONS *` is about a whole server. */
function urlOf(scheme: Scheme, host: string, port: number | undefined, target: string): string {
  const path = target.startsWith('*') ? '/' : target;
  return `${scheme}://${host}${port === undefined || port === PORTS[scheme] ? '' : `:${port}`}${path}`;
}

/** `redirect`: sends clients elsewhere. */
export const redirectKind: FilterKind<RedirectSpec> = {
  type: 'redirect',
  open: ['scheme', 'host', 'path.*', 'path.*.*', 'query'],
  schema,
  answersAll: true,
  explain({ scheme, host, port, path, query, status = 302 }) {
    const parts = [
      ...(scheme === undefined ? [] : [scheme]),
      ...(host === undefined ? [] : [`host ${host}`]),
      ...(port === undefined ? [] : [`port ${port}`]),
      ...(path === undefined ? [] : [pathChangeWords(path)]),
      ...(query === 'drop' ? ['no query'] : []),
    ];
    return `sends clients to ${parts.join(', ')}, with ${status}`;
  },
  make,
};
