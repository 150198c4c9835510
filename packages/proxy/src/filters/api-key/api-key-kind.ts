import { z } from 'zod';
import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { fieldName } from '../../snapshot/names.ts';
import {
  anonymousForm,
  anonymousIdentity,
  consumerIdentity,
  consumerShape,
  exemptForm,
  isProved,
} from '../consumer.ts';
import { apiKeyHash } from './api-key.ts';

const name = z.string().min(1);

const schema = z
  .strictObject({
    type: z.literal('api-key'),
    header: z
      .union([fieldName, z.array(fieldName)])
      .optional()
      .describe('Where the key is; of several, the first that is there. An empty list: in none. Default x-api-key.'),
    query: z
      .union([name, z.array(name).min(1)])
      .optional()
      .describe('Parameters that may hold it instead. Default none: URLs are logged by everybody.'),
    consumers: z
      .array(
        z.strictObject({
          ...consumerShape,
          keys: z
            .array(z.string().regex(/^sha256:[0-9a-f]{64}$/, 'write the hash that `fairlead gateway key` prints'))
            .min(1),
        }),
      )
      .describe('Who may ask, by the hashes of their keys; two of one consumer let keys be changed without a pause.'),
    forward: z.boolean().optional().describe('Whether the key goes on to the upstream. Default false.'),
    optional: z.boolean().optional().describe('Whether a request without any key passes, as nobody. Default false.'),
    anonymous: anonymousForm,
    exempt: exemptForm,
  })
  .superRefine(({ header, query, consumers, optional, anonymous }, context) => {
    if (Array.isArray(header) && header.length === 0 && query === undefined)
      context.addIssue({
        code: 'custom',
        message: 'is nowhere; name a field, or a parameter with query',
        path: ['header'],
      });
    if (optional !== undefined && anonymous !== undefined)
      context.addIssue({
        code: 'custom',
        message: 'lets everybody pass by itself; leave optional out',
        path: ['anonymous'],
      });
    const hashes = consumers.flatMap(({ keys }) => keys);
    const twice = hashes.find((hash, at) => hashes.indexOf(hash) !== at);
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: 'two consumers have one key', path: ['consumers'] });
  });

type ApiKeySpec = z.output<typeof schema>;

const MOST_KEY_LENGTH = 512;

/** Where a key is looked for, as a challenge (RFC 9110, section 11.6.1); nobody has registered a scheme for keys, `Key` is Kong's. */
function challenge(headers: readonly string[], parameters: readonly string[]): string {
  const [field] = headers;
  return field === undefined ? `Key parameter=${JSON.stringify(parameters[0] ?? '')}` : `Key header="${field}"`;
}

/**
 * Knows consumers by their keys. Only hashes are kept; looking a hash up takes no longer for a key that is nearly right, as
 * nobody can choose the hash of what he sends.
 */
const make: FilterFactory<ApiKeySpec> = (spec) => {
  const { header = 'x-api-key', query = [], consumers, forward = false, optional = false, exempt = [] } = spec;
  const headers = typeof header === 'string' ? [header] : header;
  const parameters = typeof query === 'string' ? [query] : query;
  const fields = { 'www-authenticate': challenge(headers, parameters) };
  const detail = `Send an API key in ${[...headers, ...parameters.map((each) => `?${each}=`)].join(' or ')}.`;
  const missing: LocalAnswer = { status: 401, cause: 'KEY_MISSING', detail, fields };
  const unknown: LocalAnswer = {
    status: 401,
    cause: 'KEY_UNKNOWN',
    detail: 'The API key is none that is known here.',
    fields,
  };
  const known = new Map<string, Identity>();
  for (const consumer of consumers) {
    const identity = consumerIdentity(consumer);
    for (const hash of consumer.keys) known.set(hash, identity);
  }
  const anonymous = spec.anonymous && anonymousIdentity(spec.anonymous);
  const refused = (passage: Passage, answer: LocalAnswer | undefined): Verdict => {
    if (anonymous === undefined) return answer;
    passage.identity = anonymous;
    return undefined;
  };
  const filter: Filter = {
    type: 'api-key',
    request(passage: Passage): Verdict {
      if (exempt.includes(passage.method) || (anonymous !== undefined && isProved(passage))) return undefined;
      let key: string | undefined;
      for (const field of headers) {
        key ??= passage.fields.get(field);
        if (!forward) passage.setUpstream(field, undefined);
      }
      for (const parameter of parameters) {
        const value = takeParameter(passage, parameter, forward);
        key ??= value;
      }
      if (key === undefined || key === '') return refused(passage, optional ? undefined : missing);
      const identity = key.length > MOST_KEY_LENGTH ? undefined : known.get(apiKeyHash(key));
      if (identity === undefined) return refused(passage, unknown);
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
  open: [
    'header',
    'header.*',
    'query',
    'query.*',
    'consumers.*.name',
    'consumers.*.tenant',
    'consumers.*.roles.*',
    'consumers.*.scopes.*',
    'consumers.*.about.**',
    'anonymous.name',
    'anonymous.tenant',
    'anonymous.roles.*',
    'anonymous.scopes.*',
    'anonymous.about.**',
    'exempt.*',
  ],
  schema,
  identifies: true,
  owns: ({ header = 'x-api-key', forward }) => (forward === true ? [] : [header].flat()),
  explain: ({ header = 'x-api-key', query = [], consumers, optional, anonymous }) => {
    const places = [header, query].flat();
    const whose = consumers.length === 0 ? 'nobody' : consumers.map((consumer) => consumer.name).join(', ');
    const or = anonymous === undefined ? '' : `, and takes others for ${anonymous.name}`;
    return `${optional === true ? 'takes' : 'needs'} a key in ${places.join(' or ')} of ${whose}${or}`;
  },
  make,
};
