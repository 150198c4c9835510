import { z } from 'zod';
import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { duration } from '../../snapshot/quantities.ts';
import { anonymousForm, anonymousIdentity, consumerShape, exemptForm, isProved } from '../consumer.ts';
import { TOKEN_MISSING, tokenInvalid } from '../jwt/jwt-fault.ts';
import { ConsumerTokens } from './consumer-tokens.ts';
import { tokensIn } from './tokens-in.ts';

const name = z.string().min(1);
const names = z.union([name, z.array(name).min(1)]);
const fieldName = z.string().regex(/^[a-z0-9_-]+$/, 'write a field name in lower case, with dashes');

const schema = z
  .strictObject({
    type: z.literal('consumer-token'),
    consumers: z
      .array(
        z.strictObject({
          ...consumerShape,
          issuer: name.describe('What its tokens say as `iss`.'),
          keys: z
            .array(z.record(z.string(), z.unknown()))
            .min(1)
            .describe('Keys (JWK) that its tokens are signed with; each may be a secret, as long as its hash.'),
        }),
      )
      .describe('Who may ask, by what their tokens are signed with.'),
    issuerClaim: name
      .optional()
      .describe('Which claim, else which member of the token’s header, says whose it is. Default iss.'),
    header: z
      .union([fieldName, z.array(fieldName)])
      .optional()
      .describe('Where the token is, after `Bearer`. An empty list: in none. Default authorization.'),
    query: names.optional().describe('Parameters that may hold it. Default none: URLs are logged by everybody.'),
    cookie: names.optional().describe('Cookies that may hold it. Default none.'),
    audience: names.optional().describe('The token’s `aud` must be or contain one of these. Default any.'),
    clockSkew: duration.optional().describe('How far other clocks may be off. Default 60s. 0s is exact.'),
    requireExpiry: z.boolean().optional().describe('Whether a token must say when it ends. Default true.'),
    requireNotBefore: z.boolean().optional().describe('Whether a token must say when it begins. Default false.'),
    maxLifetime: duration.optional().describe('How much longer a token may be good for. Default any time. 0s is none.'),
    forward: z.boolean().optional().describe('Whether the token goes on to the upstream. Default false.'),
    cache: z.int().min(0).optional().describe('Verified tokens that are kept. Default 10000. 0 keeps none.'),
    anonymous: anonymousForm,
    exempt: exemptForm,
  })
  .superRefine(({ consumers, header, query, cookie }, context) => {
    const issuers = consumers.map(({ issuer }) => issuer);
    const twice = issuers.findIndex((issuer, at) => issuers.indexOf(issuer) !== at);
    if (twice !== -1)
      context.addIssue({
        code: 'custom',
        message: 'is another consumer’s already',
        path: ['consumers', twice, 'issuer'],
      });
    if (Array.isArray(header) && header.length === 0 && query === undefined && cookie === undefined)
      context.addIssue({
        code: 'custom',
        message: 'is nowhere; name a field, a parameter or a cookie',
        path: ['header'],
      });
  });

/** A filter `consumer-token`, as it is read. */
export type ConsumerTokenSpec = z.output<typeof schema>;

const SEVERAL = tokenInvalid('several', 'There is more than one token; send one.');

/**
 * Verifies tokens (RFC 7519) that consumers make themselves, each with its own key or secret: whose it is says the token, which
 * key it must be by is the consumer's. Several tokens that are not the same are refused.
 */
const make: FilterFactory<ConsumerTokenSpec> = (spec, world) => {
  const { exempt = [], forward = false } = spec;
  const { anonymous: whoElse, exempt: _exempt, ...what } = spec;
  const tokens = world.kept(`consumer-token ${JSON.stringify(what)}`, () => new ConsumerTokens(spec, world.clock));
  const take = tokensIn(spec, forward);
  const anonymous = whoElse && anonymousIdentity(whoElse);
  const settled = (passage: Passage, found: Identity | LocalAnswer): Verdict => {
    if ('status' in found) {
      if (anonymous === undefined) return found;
      passage.identity = anonymous;
    } else passage.identity = found;
    return undefined;
  };
  const filter: Filter = {
    type: 'consumer-token',
    request(passage) {
      if (exempt.includes(passage.method) || (anonymous !== undefined && isProved(passage))) return undefined;
      const [token, ...more] = take(passage);
      if (token === undefined) return settled(passage, TOKEN_MISSING);
      if (more.length > 0) return settled(passage, SEVERAL);
      const known = tokens.known(token);
      if (known !== undefined) return settled(passage, known);
      return tokens.verify(token).then((found) => settled(passage, found));
    },
  };
  return filter;
};

/** `consumer-token`: who asks, by a token that the consumer has signed. */
export const consumerTokenKind: FilterKind<ConsumerTokenSpec> = {
  type: 'consumer-token',
  schema,
  identifies: true,
  explain({ consumers, issuerClaim = 'iss', anonymous }) {
    const whose = consumers.length === 0 ? 'nobody' : consumers.map((consumer) => consumer.name).join(', ');
    const or = anonymous === undefined ? '' : `, and takes others for ${anonymous.name}`;
    return `needs a token that ${whose} signed, by ${issuerClaim}${or}`;
  },
  make,
};
