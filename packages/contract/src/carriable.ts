import type { z } from 'zod';
import { fail } from './errors.ts';
import { ANY_STEP, jsonPath } from './issues.ts';
import { known, type Schema } from './schema.ts';

/** What JSON has no room for, and what to write instead. */
const REFUSED: Readonly<Record<string, string>> = {
  any: "may hold anything, also what JSON can't carry; say what it is, or use z.json()",
  unknown: "may hold anything, also what JSON can't carry; say what it is, or use z.json()",
  bigint: 'is a bigint; use z.int(), or a z.string() of digits',
  catch: 'replaces what does not fit by something else, which would hide it; use .optional() or .default()',
  custom: 'is checked by a function that no JSON Schema can show; use .refine() on a schema that says its shape',
  date: 'is a Date; use z.iso.datetime()',
  file: 'is a file; keep it elsewhere and carry its name or URL',
  function: 'is a function',
  intersection: "is an intersection, whose sides would refuse each other's members; use .extend()",
  map: 'is a Map; use z.record() or z.array()',
  nan: 'is NaN, which JSON has not',
  never: 'can hold nothing',
  pipe: 'is changed on its way (a transform, pipe or codec); carry the plain value and change it in the handler',
  promise: 'is a promise',
  set: 'is a Set; use z.array()',
  success: 'is the outcome of a check, not a value',
  symbol: 'is a symbol',
  transform: 'is changed on its way; carry the plain value and change it in the handler',
  undefined: 'can only be undefined; use .optional() or z.null()',
  void: 'can only be undefined; use .optional() or z.null()',
};

/** Where a schema stands: only a member of an object can be missing. */
type Position = 'member' | 'value';

/**
 * Checks that whatever `schema` allows can be carried by JSON and comes out as it went in.
 *
 * @throws INVALID_CONTRACT with `place` (contract, operation, part), the JSON path and what to write instead
 */
export function assertCarriable(schema: z.core.SomeType, place: string): void {
  const seen = new Set<Schema>();
  const refuse = (path: readonly PropertyKey[], why: string): never => {
    throw fail('INVALID_CONTRACT', `${place}: ${jsonPath(path)} ${why}.`, { details: { place, path: jsonPath(path) } });
  };

  const walk = (child: z.core.SomeType, path: readonly PropertyKey[], position: Position): void => {
    const found = known(child);
    const def = found._zod.def;
    if (def.type === 'optional') {
      if (position !== 'member')
        refuse(path, 'may be undefined, which JSON carries only as a missing member; use .nullable()');
      return walk(def.innerType, path, 'value');
    }
    if (def.type === 'default' || def.type === 'prefault' || def.type === 'readonly' || def.type === 'nonoptional') {
      return walk(def.innerType, path, position);
    }
    if (seen.has(found)) return;
    seen.add(found);
    if ('coerce' in def && def.coerce === true) {
      refuse(
        path,
        'is coerced; say what it is (numbers and booleans in paths and queries are read by their schema anyway)',
      );
    }
    for (const { _zod } of def.checks ?? []) {
      const fn = 'fn' in _zod.def ? _zod.def.fn : undefined;
      if (typeof fn === 'function' && fn.constructor.name === 'AsyncFunction') {
        refuse(path, 'has a check that waits; check in the handler what needs more than the value itself');
      }
    }
    switch (def.type) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'null':
      case 'template_literal':
        return;
      case 'enum':
        return assertLiterals(Object.values(def.entries), path);
      case 'literal':
        return assertLiterals(def.values, path);
      case 'object':
        for (const [name, member] of Object.entries(def.shape)) {
          if (name === '__proto__') refuse([...path, name], 'is a name that JavaScript keeps for itself');
          walk(member, [...path, name], 'member');
        }
        // `z.strictObject` allows never any other member, which JSON can carry well.
        if (def.catchall && known(def.catchall)._zod.def.type !== 'never')
          walk(def.catchall, [...path, ANY_STEP], 'value');
        return;
      case 'array':
        return walk(def.element, [...path, ANY_STEP], 'value');
      case 'tuple':
        for (const [index, item] of def.items.entries()) walk(item, [...path, index], 'value');
        if (def.rest) walk(def.rest, [...path, ANY_STEP], 'value');
        return;
      case 'record':
        if (!isText(def.keyType)) refuse(path, 'has keys that are not strings; JSON has no others');
        return walk(def.valueType, [...path, ANY_STEP], 'value');
      case 'union':
        for (const option of def.options) walk(option, path, 'value');
        return;
      case 'nullable':
        return walk(def.innerType, path, 'value');
      case 'lazy':
        return walk(def.getter(), path, position);
      default:
        refuse(path, REFUSED[def.type] ?? `is a ${def.type}, which JSON can't carry`);
    }
  };

  const assertLiterals = (values: readonly z.core.util.Literal[], path: readonly PropertyKey[]): void => {
    for (const value of values) {
      const fits = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
      if (!fits) refuse(path, `lists ${String(value)}, which JSON has not`);
    }
  };

  walk(schema, [], 'value');
}

/** Whether every value of the schema is a string. */
export function isText(schema: z.core.SomeType): boolean {
  const def = known(schema)._zod.def;
  switch (def.type) {
    case 'string':
    case 'template_literal':
      return !('coerce' in def && def.coerce === true);
    case 'enum':
      return Object.values(def.entries).every((value) => typeof value === 'string');
    case 'literal':
      return def.values.every((value) => typeof value === 'string');
    case 'union':
      return def.options.every(isText);
    case 'readonly':
      return isText(def.innerType);
    default:
      return false;
  }
}
