import { z } from 'zod';

/** Any zod schema, told apart by `_zod.def.type`. */
export type Schema = z.core.$ZodTypes;

/** The same schema, told apart by `_zod.def.type`. */
export function known(schema: z.core.SomeType): Schema {
  // Every schema that zod makes is one of its own classes.
  return schema as unknown as Schema;
}

/** A copy of `schema` with parts of its definition changed; its checks stay. */
export function withDefinition(schema: Schema, changes: Readonly<Record<string, unknown>>): Schema {
  // By descriptor, since some parts are getters: shapes that refer to themselves, defaults made afresh each time.
  const definition = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema._zod.def));
  for (const [name, value] of Object.entries(changes)) {
    Object.defineProperty(definition, name, { value, enumerable: true, configurable: true, writable: true });
  }
  // The definition still has everything that its class asks for.
  return z.core.clone(schema, definition as typeof schema._zod.def);
}

/** How a schema is found below another. */
export type Descend = (child: z.core.SomeType) => Schema;

/** What becomes of one schema; `undefined` leaves it to `rebuild`. */
export type Rule = (schema: Schema, descend: Descend) => Schema | undefined;

/** The schema with `rule` applied to it and to everything below, also where it refers to itself. */
export function rewrite(schema: z.core.SomeType, rule: Rule): Schema {
  const done = new Map<Schema, Schema | undefined>();
  const descend: Descend = (child) => {
    const found = known(child);
    if (done.has(found)) {
      const ready = done.get(found);
      // Still being rebuilt further up: looked up again when something is parsed.
      return ready ?? known(z.lazy(() => done.get(found) ?? z.never()));
    }
    done.set(found, undefined);
    const result = rule(found, descend) ?? rebuild(found, descend);
    done.set(found, result);
    return result;
  };
  return descend(schema);
}

/** Members of an object's shape, each rewritten. */
export function rewriteShape(shape: z.core.$ZodShape, descend: Descend): Record<string, Schema> {
  return Object.fromEntries(Object.entries(shape).map(([name, member]) => [name, descend(member)]));
}

/** The same schema over rewritten children. */
function rebuild(schema: Schema, descend: Descend): Schema {
  const def = schema._zod.def;
  switch (def.type) {
    case 'object':
      return withDefinition(schema, {
        shape: rewriteShape(def.shape, descend),
        ...(def.catchall && { catchall: descend(def.catchall) }),
      });
    case 'array':
      return withDefinition(schema, { element: descend(def.element) });
    case 'tuple':
      return withDefinition(schema, { items: def.items.map(descend), rest: def.rest && descend(def.rest) });
    case 'record':
      return withDefinition(schema, { valueType: descend(def.valueType) });
    case 'union':
      return withDefinition(schema, { options: def.options.map(descend) });
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'default':
    case 'prefault':
    case 'readonly':
      return withDefinition(schema, { innerType: descend(def.innerType) });
    case 'lazy':
      return descend(def.getter());
    default:
      return schema;
  }
}
