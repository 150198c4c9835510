import { z } from 'zod';
import { fieldName } from '../../snapshot/names.ts';
import { duration } from '../../snapshot/quantities.ts';
import { anonymousForm, consumerShape, exemptForm } from '../consumer.ts';

const name = z.string().min(1);
const names = z.union([name, z.array(name).min(1)]);

/** A filter `consumer-token`, as it is written down. */
export const consumerTokenSchema = z
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
export type ConsumerTokenSpec = z.output<typeof consumerTokenSchema>;
