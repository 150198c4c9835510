import { z } from 'zod';
import type { Filter, FilterFactory, Identity, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { apiKeyHash } from './api-key.ts';

const name = z.string().min(1);

const schema = z
  .strictObject({
    type: z.literal('api-key'),
    header: z
      .string()
      .regex(/^[a-z0-9-]+$/, 'write a field name in lower case, with dashes')
      .optional()
      .describe('Where the key is. Default x-api-key.'),
    query: name
      .optional()
      .describe('A parameter that may hold it instead. Default none: URLs are logged by everybody.'),
    consumers: z
      .array(
        z.strictObject({
          name,
          keys: z
            .array(z.string().regex(/^sha256:[0-9a-f]{64}$/, 'write the hash that `fairlead gateway key` prints'))
            .min(1),
          tenant: name.optional(),
          roles: z.array(name).optional(),
          scopes: z.array(name).optional(),
        }),
      )
      .min(1)
      .describe('Who may ask, by the hashes of their keys; two of one consumer let keys be changed without a pause.'),
    forward: z.boolean().optional().describe('Whether the key goes on to the upstream. Default false.'),
    optional: z.boolean().optional().describe('Whether a request without any key passes, as nobody. Default false.'),
  })
  .superRefine(({ consumers }, context) => {
    const hashes = consumers.flatMap(({ keys }) => keys);
    const twice = hashes.find((hash, at) => hashes.indexOf(hash) !== at);
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: 'two consumers have one key', path: ['consumers'] });
  });

type ApiKeySpec = z.output<typeof schema>;

const MOST_KEY_LENGTH = 512;
const MISSING = { status: 401, cause: 'KEY_MISSING', detail: 'Send an API key.' } as const;
const UNKNOWN = { status: 401, cause: 'KEY_UNKNOWN', detail: 'The API key is none that is known here.' } as const;

/**
 * Knows consumers by their keys. Only hashes are kept; looking a hash up takes no longer for a key that is nearly right, as
 * nobody can choose the hash of what he sends.
 */
const make: FilterFactory<ApiKeySpec> = ({
  header = 'x-api-key',
  query,
  consumers,
  forward = false,
  optional = false,
}) => {
  const known = new Map<string, Identity>();
  for (const { name: consumer, keys, tenant, roles = [], scopes = [] } of consumers) {
    const identity = Object.freeze({
      consumer,
      ...(tenant === undefined ? {} : { tenant }),
      roles,
      scopes,
      claims: {},
    });
    for (const hash of keys) known.set(hash, identity);
  }
  const filter: Filter = {
    type: 'api-key',
    request(passage: Passage): Verdict {
      const inQuery = query === undefined ? undefined : takeParameter(passage, query, forward);
      const key = passage.fields.get(header) ?? inQuery;
      if (!forward) passage.setUpstream(header, undefined);
      if (key === undefined || key === '') return optional ? undefined : MISSING;
      const identity = key.length > MOST_KEY_LENGTH ? undefined : known.get(apiKeyHash(key));
      if (identity === undefined) return UNKNOWN;
      passage.identity = identity;
      return undefined;
    },
  };
  return filter;
};

/** The value of a parameter, which then goes no further. */
function takeParameter(passage: Passage, parameter: string, forward: boolean): string | undefined {
  const at = passage.upstreamTarget.indexOf('?');
  if (at === -1) return undefined;
  const pairs = passage.upstreamTarget.slice(at + 1).split('&');
  const isIt = (pair: string): boolean => pair === parameter || pair.startsWith(`${parameter}=`);
  const found = pairs.find(isIt);
  if (found === undefined) return undefined;
  if (!forward) {
    const rest = pairs.filter((pair) => !isIt(pair)).join('&');
    passage.upstreamTarget = passage.upstreamTarget.slice(0, at) + (rest === '' ? '' : `?${rest}`);
  }
  const value = found.slice(parameter.length + 1);
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** `api-key`: who asks, by a key. */
export const apiKeyKind: FilterKind<ApiKeySpec> = {
  type: 'api-key',
  schema,
  identifies: true,
  explain: ({ header = 'x-api-key', consumers, optional }) =>
    `${optional === true ? 'takes' : 'needs'} a key in ${header} of ${consumers.map((consumer) => consumer.name).join(', ')}`,
  make,
};
