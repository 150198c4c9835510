import { z } from 'zod';
import { known, type Schema } from './schema.ts';

/**
 * How something that a contract names is held against its schema: `schemaOf` says which schema that is, and zod compiles
 * it when it is first asked for. What fits takes the compiled way; what does not, and every schema that zod can't
 * compile (those that refer to themselves), takes zod's usual one, so verdicts, values and issues are zod's in any case.
 * Where code can't be made at run time, everything takes the usual one.
 */
export function compiled<Key extends object>(schemaOf: (key: Key) => z.core.SomeType): (key: Key) => Schema {
  const ready = new WeakMap<Key, Schema>();
  return (key) => {
    const found = ready.get(key);
    if (found !== undefined) return found;
    const made = compile(schemaOf(key));
    ready.set(key, made);
    return made;
  };
}

function compile(schema: z.core.SomeType): Schema {
  return known(z.compile(schema));
}
