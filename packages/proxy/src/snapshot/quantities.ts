import { parseDuration, parseSize } from '@fairlead/core';
import { z } from 'zod';

/** A length of time as people write it, such as `250ms` or `10s`; read as milliseconds. */
export const duration = quantity({
  pattern: '^\\d{1,9}(\\.\\d{1,3})?(ms|s|m|h)$',
  wanted: 'a duration such as 250ms, 10s, 5m or 1h',
  parse: parseDuration,
});

/** A size as people write it, such as `64KiB`; read as bytes. */
export const size = quantity({
  pattern: '^\\d{1,9}(\\.\\d{1,3})?(B|KiB|MiB|GiB)$',
  wanted: 'a size such as 512B, 64KiB or 1MiB',
  parse: parseSize,
});

/** A share of a whole as people write it, such as `20%`, at most all of it; read as a number from 0 to 1. */
export const share = quantity({
  pattern: '^\\d{1,3}(\\.\\d{1,3})?%$',
  wanted: 'a share such as 20%, at most 100%',
  parse(text) {
    const value = /^\d{1,3}(?:\.\d{1,3})?%$/.test(text) ? Number(text.slice(0, -1)) / 100 : Number.NaN;
    return value <= 1 ? value : undefined;
  },
});

interface Quantity {
  /** For editors. */
  readonly pattern: string;
  readonly wanted: string;
  parse(text: string): number | undefined;
}

function quantity({ pattern, wanted, parse }: Quantity) {
  const message = (found: unknown) => `write ${wanted}, not ${JSON.stringify(found)}`;
  return z
    .string({ error: ({ input }) => (input === undefined ? undefined : message(input)) })
    .meta({ pattern })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: message(text) });
      return z.NEVER;
    });
}
