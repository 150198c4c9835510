import { z } from 'zod';
import type { FilterKind } from './filter-kind.ts';
import { snapshotForm } from './snapshot-form.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * What may be written, as JSON Schema (2020-12) for editors: `docs/reference/gateway.schema.json`. It says less than the
 * loader does: names that lead nowhere, contradictions and expressions are not its affair.
 */
export function snapshotJsonSchema(kinds: readonly FilterKind[]): Json {
  const options = {
    ...OPTIONS,
    /** Wherever a filter may stand, it is one of them. */
    override({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
      if (jsonSchema['filter'] !== true) return;
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
      jsonSchema.anyOf = kinds.map(({ type }) => ({ $ref: `#/$defs/filter-${type}` }));
    },
  };
  const filters = kinds.map(({ type, schema }) => [type, bare(z.toJSONSchema(schema, options))] as const);
  const whole = z.toJSONSchema(snapshotForm(kinds), options);
  return {
    $schema: whole.$schema,
    title: 'Configuration of the Fairlead gateway',
    ...bare(whole),
    $defs: Object.fromEntries(filters.map(([type, schema]) => [`filter-${type}`, schema])),
  };
}

const OPTIONS = { io: 'input', unrepresentable: 'any' } as const;

function bare({ $schema: _, ...schema }: Json): Json {
  return schema;
}
