import { z } from 'zod';
import type { JsonObject } from './document.ts';
import { known, type Schema } from './schema.ts';

/** How schemas of a document are rendered. */
export interface ComponentOptions {
  /** JSON Schema's version. OpenAPI 3.1 has 2020-12, AsyncAPI 3 has draft 7. */
  readonly target: 'draft-2020-12' | 'draft-07';
}

/** The shared schemas of one document, by name. */
export interface Components {
  /** By name, in the order in which they came. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
  /** Keeps a JSON Schema under `name`; gives a reference to it. */
  keep(name: string, schema: JsonObject): JsonObject;
  /**
   * The JSON Schema of a zod schema, whose parts that refer to themselves or have an id are kept as `<name>.<part>`.
   * `input` is what a strict server takes: no other members. `output` is what a tolerant reader meets: others may come.
   */
  render(name: string, schema: z.core.SomeType, io: 'input' | 'output'): JsonObject;
}

/** An empty set of shared schemas. */
export function components({ target }: ComponentOptions): Components {
  const schemas: Record<string, JsonObject> = {};
  const keep = (name: string, schema: JsonObject): JsonObject => {
    schemas[name] = schema;
    return { $ref: refTo(name) };
  };

  const render = (name: string, schema: z.core.SomeType, io: 'input' | 'output'): JsonObject => {
    const rendered: JsonObject = z.toJSONSchema(known(schema), {
      target,
      io,
      override: ({ zodSchema, jsonSchema }) => {
        if (zodSchema._zod.def.type !== 'object' || isOpen(zodSchema)) return;
        if (io === 'input') jsonSchema.additionalProperties = false;
        else delete jsonSchema.additionalProperties;
      },
    });
    let refersToItself = false;
    const relocate = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(relocate);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]: [string, unknown]) => {
          if (key !== '$ref' || typeof inner !== 'string') return [key, relocate(inner)];
          if (inner === '#') refersToItself = true;
          return [key, relocatedRef(name, inner)];
        }),
      );
    };
    const { $schema: _schema, $defs, definitions, ...root } = rendered;
    for (const [part, value] of Object.entries({ ...asObject($defs), ...asObject(definitions) })) {
      keep(partName(name, part), asObject(relocate(value)));
    }
    const relocated = asObject(relocate(root));
    if (refersToItself) keep(name, relocated);
    return relocated;
  };

  return { schemas, keep, render };
}

function isOpen(schema: Schema): boolean {
  const def = schema._zod.def;
  return def.type === 'object' && def.catchall !== undefined && known(def.catchall)._zod.def.type !== 'never';
}

function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}

function relocatedRef(name: string, reference: string): string {
  if (reference === '#') return refTo(name);
  const part = /^#\/(?:\$defs|definitions)\/(.*)$/.exec(reference)?.[1];
  // A step of a JSON Pointer: RFC 6901, section 4.
  return part === undefined ? reference : refTo(partName(name, part.replaceAll('~1', '/').replaceAll('~0', '~')));
}

function partName(name: string, part: string): string {
  return `${name}.${part.replaceAll(/[^\w.-]/g, '_')}`;
}

/** The object that `value` is; an empty one for anything else. */
export function asObject(value: unknown): JsonObject {
  // An object that is neither null nor an array has names and values.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
