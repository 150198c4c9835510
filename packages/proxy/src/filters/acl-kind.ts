import { z } from 'zod';
import type { FilterKind } from '../snapshot/filter-kind.ts';

const names = z.array(z.string().min(1)).min(1).optional();

const schema = z
  .strictObject({
    type: z.literal('acl'),
    allow: names.describe('Roles, one of which whoever asks must have.'),
    deny: names.describe('Roles, none of which whoever asks may have; also one who has an allowed one.'),
    allowConsumers: names.describe('Consumers who may, beside those with an allowed role.'),
    denyConsumers: names.describe('Consumers who may not, whatever their roles.'),
  })
  .refine((spec) => Object.keys(spec).length > 1, {
    message: 'write allow, deny, allowConsumers or denyConsumers',
  });

type AclSpec = z.output<typeof schema>;

const NOBODY = { status: 401, cause: 'IDENTITY_MISSING', detail: 'Prove who you are.' } as const;
const REFUSED = { status: 403, cause: 'FORBIDDEN', detail: 'You may not ask for this.' } as const;

/** `acl`: who may ask, by roles and consumers that filters before it have proved. */
export const aclKind: FilterKind<AclSpec> = {
  type: 'acl',
  open: ['allow.*', 'deny.*', 'allowConsumers.*', 'denyConsumers.*'],
  schema,
  explain({ allow, deny, allowConsumers, denyConsumers }) {
    const lets = [
      ...(allow === undefined ? [] : [`the roles ${allow.join(', ')}`]),
      ...(allowConsumers === undefined ? [] : [`the consumers ${allowConsumers.join(', ')}`]),
    ];
    const keeps = [
      ...(deny === undefined ? [] : [`the roles ${deny.join(', ')}`]),
      ...(denyConsumers === undefined ? [] : [`the consumers ${denyConsumers.join(', ')}`]),
    ];
    return [
      ...(lets.length === 0 ? [] : [`lets only ${lets.join(' and ')} in`]),
      ...(keeps.length === 0 ? [] : [`keeps ${keeps.join(' and ')} out`]),
    ].join(', ');
  },
  make({ allow, deny = [], allowConsumers, denyConsumers = [] }) {
    const isOpen = allow === undefined && allowConsumers === undefined;
    return {
      type: 'acl',
      request({ identity }) {
        if (identity === undefined) return NOBODY;
        const { roles, consumer = '' } = identity;
        if (denyConsumers.includes(consumer) || roles.some((role) => deny.includes(role))) return REFUSED;
        if (isOpen || allowConsumers?.includes(consumer) === true) return undefined;
        return roles.some((role) => allow?.includes(role) === true) ? undefined : REFUSED;
      },
    };
  },
};
