import { z } from 'zod';
import { known, rewrite, rewriteShape, withDefinition, type Descend, type Schema } from './schema.ts';

/**
 * How everybody reads what a newer version of somebody else may have written: like `schema`, but members that it does
 * not list are dropped, also where it was strict, and a value that an enum does not list passes as it is.
 * Everything else still holds: a missing member, another type, a literal or discriminator that is not listed are refused.
 */
export function tolerantSchema(schema: z.core.SomeType): Schema {
  const open = (found: z.core.SomeType): Schema =>
    rewrite(found, (inner, descend) => {
      const def = inner._zod.def;
      switch (def.type) {
        case 'enum':
          return anyOfTheSameKind(Object.values(def.entries));
        case 'object':
          return openObject(inner, descend, []);
        case 'record':
          return openRecord(def, descend);
        case 'union':
          if ('discriminator' in def) {
            // Told apart by the discriminator, which therefore stays as it is.
            const options = def.options.map((option) =>
              openVariant(known(option), descend, [String(def.discriminator)]),
            );
            return withDefinition(inner, { options });
          }
          // What fits exactly wins over what fits only because enums are open.
          return anyOf(inner, [...def.options.map(withoutExtras), ...def.options.map(descend)]);
        default:
          return undefined;
      }
    });
  return open(schema);
}

/** Enums as they are, but unknown members dropped. */
function withoutExtras(schema: z.core.SomeType): Schema {
  return rewrite(schema, (found, descend) =>
    found._zod.def.type === 'object' ? openObject(found, descend, []) : undefined,
  );
}

function openVariant(option: Schema, descend: Descend, closed: readonly string[]): Schema {
  const def = option._zod.def;
  if (def.type === 'object') return openObject(option, descend, closed);
  if (def.type === 'union' && 'discriminator' in def) {
    const nested = [...closed, String(def.discriminator)];
    return withDefinition(option, { options: def.options.map((inner) => openVariant(known(inner), descend, nested)) });
  }
  return descend(option);
}

function openObject(schema: Schema, descend: Descend, closed: readonly string[]): Schema {
  const def = schema._zod.def;
  if (def.type !== 'object') return schema;
  const shape: Record<string, z.core.SomeType> = rewriteShape(def.shape, descend);
  for (const name of closed) {
    const member = def.shape[name];
    if (member) shape[name] = member;
  }
  const rest = def.catchall && known(def.catchall)._zod.def.type !== 'never' ? descend(def.catchall) : undefined;
  return withDefinition(schema, { shape, catchall: rest });
}

/** A record whose names an enum lists may get further names; the listed ones are as required as before. */
function openRecord(def: z.core.$ZodRecordDef, descend: Descend): Schema | undefined {
  const key = known(def.keyType)._zod.def;
  if (key.type !== 'enum') return undefined;
  const value = descend(def.valueType);
  const required = def.partial !== true && known(def.keyType)._zod.values !== undefined;
  const names = Object.values(key.entries).map(String);
  return known(
    z.object(Object.fromEntries(names.map((name) => [name, required ? value : z.optional(value)]))).catchall(value),
  );
}

/** The same union over other options. One that takes exactly one option becomes an ordinary one: options overlap now. */
function anyOf(union: Schema, options: readonly Schema[]): Schema {
  const def = union._zod.def;
  const exclusive = def.type === 'union' && def.inclusive === false;
  return exclusive ? known(z.union(options)) : withDefinition(union, { options });
}

function anyOfTheSameKind(values: readonly (string | number)[]): Schema {
  const kinds = new Set(values.map((value) => typeof value));
  if (!kinds.has('number')) return known(z.string());
  return known(kinds.has('string') ? z.union([z.string(), z.number()]) : z.number());
}
