import { z } from 'zod';
import type { Identity, Passage } from '../engine/filter.ts';
import { ProvenIdentity } from '../engine/proven-identity.ts';

const name = z.string().min(1);

/** What is written down of somebody who may ask. */
export const consumerShape = {
  name,
  tenant: name.optional(),
  roles: z.array(name).optional(),
  scopes: z.array(name).optional(),
  about: z
    .record(name, z.string())
    .optional()
    .describe('Facts about it, by name: for fields as {claim:about.plan}, for limits, for routes.'),
} as const;

const consumer = z.strictObject(consumerShape);

/** Who asks without a proof, as it is written down. */
export const anonymousForm = consumer
  .optional()
  .describe(
    'Who a request is that proves nothing, or not rightly, instead of being refused; who is proved already stays. Default: it is refused.',
  );

/** Methods whose requests are not asked for a proof. */
export const exemptForm = z
  .array(z.string().regex(/^[A-Z]+$/, 'must be a method in capitals, such as OPTIONS'))
  .min(1)
  .optional()
  .describe('Methods whose requests pass without a proof, as nobody. Default none.');

/** As `consumerShape` is read. */
export type ConsumerSpec = z.output<typeof consumer>;

/** Identities that nobody has proved. */
const unproved = new WeakSet<Identity>();

/** Who a consumer is to other filters. */
export function consumerIdentity({ name: id, tenant, roles = [], scopes = [], about }: ConsumerSpec): Identity {
  return new ProvenIdentity({ consumer: id, tenant, roles, scopes, claims: about === undefined ? {} : { about } });
}

/** Who a consumer is that nobody has proved to be. */
export function anonymousIdentity(spec: ConsumerSpec): Identity {
  const identity = consumerIdentity(spec);
  unproved.add(identity);
  return identity;
}

/** Whether a filter before has proved who asks. */
export function isProved({ identity }: Passage): boolean {
  return identity !== undefined && !unproved.has(identity);
}
