import { nearest } from '@fairlead/core';
import { z } from 'zod';
import { known, rewrite, rewriteShape, withDefinition, type Schema } from './schema.ts';

/** Members that are named in one message, and how long a name may be for a guess at what was meant. */
const MAX_NAMED = 20;
const MAX_GUESSED_LENGTH = 64;

/**
 * How a server reads what callers send: like `schema`, but a member that it does not list is refused, at any depth.
 * A message tells of one such member a line, with the nearest name that is known.
 */
export function strictSchema(schema: z.core.SomeType): Schema {
  return rewrite(schema, (found, descend) => {
    const def = found._zod.def;
    if (def.type !== 'object') return undefined;
    const open = def.catchall && known(def.catchall)._zod.def.type !== 'never';
    if (open) return undefined;
    const names = Object.keys(def.shape);
    // The schema's own map takes the issues of its own kind, which these are.
    const error: z.core.$ZodErrorMap = (issue) =>
      issue.code === 'unrecognized_keys' ? unknownMembers(issue.keys, names) : def.error?.(issue as never);
    return withDefinition(found, { shape: rewriteShape(def.shape, descend), catchall: z.never(), error });
  });
}

function unknownMembers(given: readonly string[], names: readonly string[]): string {
  return given
    .slice(0, MAX_NAMED)
    .map((name) => {
      const guess = name.length > MAX_GUESSED_LENGTH ? undefined : nearest(name, names);
      if (guess !== undefined) return `unknown member; did you mean "${guess}"?`;
      return names.length === 0
        ? 'unknown member; none is taken here'
        : `unknown member; known are ${names.join(', ')}`;
    })
    .join('\n');
}
