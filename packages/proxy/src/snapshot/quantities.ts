import { parseDuration, parseSize } from '@fairlead/core';
import { z } from 'zod';

/** A length of time as people write it, such as `250ms` or `10s`; read as milliseconds. */
export const duration = z.string().transform((text, context) => {
  const value = parseDuration(text);
  if (value !== undefined) return value;
  context.addIssue({
    code: 'custom',
    message: `write a duration such as 250ms, 10s, 5m or 1h, not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

/** A size as people write it, such as `64KiB`; read as bytes. */
export const size = z.string().transform((text, context) => {
  const value = parseSize(text);
  if (value !== undefined) return value;
  context.addIssue({
    code: 'custom',
    message: `write a size such as 512B, 64KiB or 1MiB, not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});
