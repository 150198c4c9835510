import { nearest } from '@fairlead/core';
import { z } from 'zod';
import type { ProblemList } from './problem-list.ts';
import { blueprintSchema } from './schema.ts';
import type { ParsedBlueprint } from './schema.ts';

/**
 * Checks a blueprint's shape: adds everything that is wrong to `problems`, each with its place and, for an unknown key,
 * the nearest known one. `undefined` when something was.
 */
export function parseShape(definition: unknown, problems: ProblemList): ParsedBlueprint | undefined {
  const result = blueprintSchema.safeParse(definition);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.add([...issue.path, key], unknownKey(key, knownKeys(issue.path)));
    } else if (issue.code === 'invalid_key') {
      problems.add(issue.path, issue.issues.map((inner) => inner.message).join('; '));
    } else if (issue.code === 'invalid_type') {
      problems.add(issue.path, wrongType(issue.expected, valueAt(definition, issue.path)));
    } else {
      problems.add(issue.path, issue.message);
    }
  }
  return undefined;
}

function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = nearest(key, known);
  return suggestion === undefined
    ? `is no known key; known here: ${known.join(', ')}`
    : `is no known key; did you mean ${JSON.stringify(suggestion)}?`;
}

function wrongType(expected: string, value: unknown): string {
  const noun =
    expected === 'record' || expected === 'object' ? 'an object' : expected === 'array' ? 'a list' : `a ${expected}`;
  if (value === undefined) return `is missing; it must be ${noun}`;
  const found = Array.isArray(value)
    ? 'a list'
    : value === null
      ? 'null'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;
  return `must be ${noun}, and is ${found}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** The keys that the schema knows at a place. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = blueprintSchema;
  for (const step of path) {
    schema = unwrapped(schema);
    if (schema instanceof z.ZodObject) schema = Reflect.get(schema.shape, step);
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else if (schema instanceof z.ZodArray) schema = schema.element;
  }
  schema = unwrapped(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) inner = inner.unwrap();
  return inner;
}
