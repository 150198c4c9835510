import { z } from 'zod';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { addressBlocks, blockFault } from '../match/address-blocks.ts';

const block = z.string().superRefine((text, context) => {
  const message = blockFault(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const schema = z
  .strictObject({
    type: z.literal('ip'),
    allow: z.array(block).min(1).optional().describe('Addresses and CIDR blocks that may; all others may not.'),
    deny: z
      .array(block)
      .min(1)
      .optional()
      .describe('Addresses and CIDR blocks that may not, also when `allow` has them.'),
    status: z.int().min(400).max(599).optional().describe('Of what is refused. Default 403.'),
    detail: z.string().min(1).optional().describe('What is said of it. Default: that the address is the reason.'),
  })
  .refine(({ allow, deny }) => allow !== undefined || deny !== undefined, { message: 'write allow, deny or both' });

/** `ip`: where requests may come from. */
export const ipKind: FilterKind<z.output<typeof schema>> = {
  type: 'ip',
  open: ['allow.*', 'deny.*'],
  schema,
  isAtDoor: () => true,
  explain: ({ allow, deny }) =>
    [
      ...(allow === undefined ? [] : [`lets only ${allow.join(', ')} in`]),
      ...(deny === undefined ? [] : [`keeps ${deny.join(', ')} out`]),
    ].join(' and '),
  make({ allow, deny, status = 403, detail = 'Requests from this address are not taken here.' }) {
    const allowed = allow && addressBlocks(allow);
    const denied = deny && addressBlocks(deny);
    return {
      type: 'ip',
      request({ clientAddress }) {
        const isWelcome = denied?.has(clientAddress) !== true && allowed?.has(clientAddress) !== false;
        return isWelcome ? undefined : { status, cause: 'ADDRESS_REFUSED', detail };
      },
    };
  },
};
