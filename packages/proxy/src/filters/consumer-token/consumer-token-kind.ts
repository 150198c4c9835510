import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { anonymousIdentity, isProved } from '../consumer.ts';
import { TOKEN_MISSING, tokenInvalid } from '../jwt/jwt-fault.ts';
import { consumerTokenSchema, type ConsumerTokenSpec } from './consumer-token-spec.ts';
import { ConsumerTokens } from './consumer-tokens.ts';
import { tokensIn } from './tokens-in.ts';

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
  open: [
    'consumers.*.name',
    'consumers.*.tenant',
    'consumers.*.roles.*',
    'consumers.*.scopes.*',
    'consumers.*.about.**',
    'consumers.*.issuer',
    'issuerClaim',
    'header',
    'header.*',
    'query',
    'query.*',
    'cookie',
    'cookie.*',
    'audience',
    'audience.*',
    'clockSkew',
    'maxLifetime',
    'anonymous.name',
    'anonymous.tenant',
    'anonymous.roles.*',
    'anonymous.scopes.*',
    'anonymous.about.**',
    'exempt.*',
  ],
  schema: consumerTokenSchema,
  identifies: true,
  owns: ({ header = 'authorization', forward }) => (forward === true ? [] : [header].flat()),
  explain({ consumers, issuerClaim = 'iss', anonymous }) {
    const whose = consumers.length === 0 ? 'nobody' : consumers.map((consumer) => consumer.name).join(', ');
    const or = anonymous === undefined ? '' : `, and takes others for ${anonymous.name}`;
    return `needs a token that ${whose} signed, by ${issuerClaim}${or}`;
  },
  make,
};
