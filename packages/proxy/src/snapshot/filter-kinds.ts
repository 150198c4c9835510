import { aclKind } from '../filters/acl-kind.ts';
import { affinityKind } from '../filters/affinity-kind.ts';
import { answerSizeKind } from '../filters/answer-size-kind.ts';
import { anyOfKind } from '../filters/any-of/any-of-kind.ts';
import { apiKeyKind } from '../filters/api-key/api-key-kind.ts';
import { basicAuthKind } from '../filters/basic-auth/basic-auth-kind.ts';
import { byConsumerKind } from '../filters/by-consumer-kind.ts';
import { cacheKind } from '../filters/cache/cache-kind.ts';
import { clientCertificateKind } from '../filters/client-certificate/client-certificate-kind.ts';
import { composeKind } from '../filters/compose/compose-kind.ts';
import { consumerTokenKind } from '../filters/consumer-token/consumer-token-kind.ts';
import { correlationIdKind } from '../filters/correlation-id-kind.ts';
import { compressKind } from '../filters/compress/compress-kind.ts';
import { concurrencyKind } from '../filters/concurrency-kind.ts';
import { corsKind } from '../filters/cors-kind.ts';
import { errorPageKind } from '../filters/error-page-kind.ts';
import { extAuthKind } from '../filters/ext-auth/ext-auth-kind.ts';
import { faultKind } from '../filters/fault-kind.ts';
import { headersKind } from '../filters/headers-kind.ts';
import { ipKind } from '../filters/ip-kind.ts';
import { jwtKind } from '../filters/jwt/jwt-kind.ts';
import { mirrorKind } from '../filters/mirror-kind.ts';
import { oidcKind } from '../filters/oidc/oidc-kind.ts';
import { paceKind } from '../filters/pace/pace-kind.ts';
import { rateLimitKind } from '../filters/rate-limit/rate-limit-kind.ts';
import { redirectKind } from '../filters/redirect-kind.ts';
import { relocateKind } from '../filters/relocate-kind.ts';
import { requestSizeKind } from '../filters/request-size-kind.ts';
import { respondKind } from '../filters/respond-kind.ts';
import { rewriteKind } from '../filters/rewrite/rewrite-kind.ts';
import { serverTimingKind } from '../filters/server-timing-kind.ts';
import { splitKind } from '../filters/split-kind.ts';
import { whenKind } from '../filters/when-kind.ts';
import type { FilterKind } from './filter-kind.ts';

/** All kinds at once, as `kind-table.ts` has them: for whoever can't wait for those that a configuration needs. */
export const FILTER_KINDS: readonly FilterKind[] = [
  jwtKind,
  apiKeyKind,
  basicAuthKind,
  consumerTokenKind,
  clientCertificateKind,
  extAuthKind,
  oidcKind,
  anyOfKind,
  aclKind,
  ipKind,
  requestSizeKind,
  rateLimitKind,
  paceKind,
  concurrencyKind,
  headersKind,
  corsKind,
  rewriteKind,
  redirectKind,
  relocateKind,
  respondKind,
  errorPageKind,
  answerSizeKind,
  compressKind,
  cacheKind,
  composeKind,
  splitKind,
  affinityKind,
  mirrorKind,
  faultKind,
  whenKind,
  correlationIdKind,
  serverTimingKind,
  byConsumerKind,
];
