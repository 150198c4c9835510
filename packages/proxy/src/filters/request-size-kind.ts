import { z } from 'zod';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { size } from '../snapshot/quantities.ts';

const schema = z
  .strictObject({
    type: z.literal('request-size'),
    max: size
      .optional()
      .describe(
        'Largest body that may be announced. What is not announced is limited by the route. Default: as the route.',
      ),
    requireLength: z.boolean().optional().describe('Whether a body without Content-Length is refused. Default false.'),
  })
  .refine(({ max, requireLength }) => max !== undefined || requireLength !== undefined, {
    message: 'write max, requireLength or both',
  });

type RequestSizeSpec = z.output<typeof schema>;

const UNANNOUNCED = {
  status: 411,
  cause: 'LENGTH_REQUIRED',
  detail: 'Say how long the body is, with Content-Length.',
} as const;

/** `request-size`: how large the bodies of requests may be, where it hangs on who asks. */
export const requestSizeKind: FilterKind<RequestSizeSpec> = {
  type: 'request-size',
  open: ['max'],
  schema,
  explain: ({ max, requireLength }) =>
    [
      ...(max === undefined ? [] : [`takes bodies of at most ${max} bytes`]),
      ...(requireLength === true ? ['takes no body without its length'] : []),
    ].join(', ') || 'takes any body',
  make({ max = Infinity, requireLength = false }) {
    const tooLarge = { status: 413, cause: 'BODY_TOO_LARGE', detail: `The body is larger than ${max} bytes.` } as const;
    return {
      type: 'request-size',
      request({ fields, method }) {
        const length = fields.get('content-length');
        if (length !== undefined) return Number(length) > max ? tooLarge : undefined;
        const mayHaveNone = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'].includes(method);
        const isStreamed = fields.get('transfer-encoding') !== undefined || !mayHaveNone;
        return requireLength && isStreamed ? UNANNOUNCED : undefined;
      },
    };
  },
};
