import type { z } from 'zod';
import { isText } from './carriable.ts';
import { fail } from './errors.ts';
import type { OperationDefinition } from './operation.ts';
import { parsePathTemplate, type Segment } from './path-template.ts';
import type { ScalarKind } from './query.ts';
import { known } from './schema.ts';

/** A member in the query. */
export interface QueryMember {
  readonly kind: ScalarKind;
  /** A list, which a repeated name carries. */
  readonly repeated: boolean;
  /** Whether no name at all means an empty list. */
  readonly emptyWhenAbsent: boolean;
}

/** Where each member of an operation's input travels. */
export interface Carriage {
  readonly segments: readonly Segment[];
  /** The path itself when no member travels in it. */
  readonly fixedPath: string | undefined;
  readonly path: ReadonlyMap<string, ScalarKind>;
  readonly query: ReadonlyMap<string, QueryMember>;
  /** `undefined` when the operation takes no body. */
  readonly body: readonly string[] | undefined;
}

const carriages = new WeakMap<OperationDefinition, Carriage>();

/**
 * The carriage of an operation: members named by the path in the path; the rest of a GET or DELETE in the query, of
 * others in the body. Worked out once.
 *
 * @throws INVALID_CONTRACT when the path is malformed or names no member, or a member is nothing that its place carries
 */
export function carriageOf(operation: OperationDefinition, place: string): Carriage {
  const known = carriages.get(operation);
  if (known) return known;
  const carriage = workOut(operation, place);
  carriages.set(operation, carriage);
  return carriage;
}

function workOut(operation: OperationDefinition, place: string): Carriage {
  const template = parsePathTemplate(operation.path);
  if (template.kind === 'malformed')
    throw fail('INVALID_CONTRACT', `${place}: path "${operation.path}" is malformed: ${template.why}.`);

  const shape: Readonly<Record<string, z.core.SomeType>> = operation.input.shape;
  const path = new Map<string, ScalarKind>();
  for (const segment of template.segments) {
    if (segment.kind === 'text') continue;
    const member = Object.hasOwn(shape, segment.name) ? shape[segment.name] : undefined;
    if (!member) {
      throw fail(
        'INVALID_CONTRACT',
        `${place}: path "${operation.path}" names {${segment.name}}, which the input has not. Add it there.`,
      );
    }
    const kind = member._zod.optin === undefined ? scalarKind(member) : undefined;
    if (!kind) {
      throw fail(
        'INVALID_CONTRACT',
        `${place}: $.${segment.name} travels in the path, which carries one string, number or boolean that is always there.`,
      );
    }
    path.set(segment.name, kind);
  }

  const fixedPath = path.size === 0 ? operation.path : undefined;
  const rest = Object.keys(shape).filter((name) => !path.has(name));
  if (operation.method !== 'GET' && operation.method !== 'DELETE') {
    const body = rest.length === 0 ? undefined : rest;
    return { segments: template.segments, fixedPath, path, query: new Map(), body };
  }
  const query = new Map<string, QueryMember>();
  for (const name of rest) {
    const member = shape[name];
    if (member) query.set(name, queryMember(member, name, `${place}: $.${name}`));
  }
  return { segments: template.segments, fixedPath, path, query, body: undefined };
}

function queryMember(member: z.core.SomeType, name: string, place: string): QueryMember {
  const scalar = scalarKind(member);
  if (scalar) return { kind: scalar, repeated: false, emptyWhenAbsent: false };
  const list = listOf(member);
  if (!list) {
    throw fail(
      'INVALID_CONTRACT',
      `${place} travels in the query, which carries strings, numbers, booleans and lists of them, of one kind and not null. Use POST for more.`,
    );
  }
  const emptyWhenAbsent = member._zod.optin === undefined || isEmptyByDefault(member);
  if (!emptyWhenAbsent && !list.neverEmpty) {
    throw fail(
      'INVALID_CONTRACT',
      `${place} is a list in the query, where an empty one and none look the same. Write .default([]), or .min(1) before .optional().`,
    );
  }
  return { kind: list.kind, repeated: true, emptyWhenAbsent };
}

/** What the schema is below the wrappers that only say whether it must be there. */
function bare(schema: z.core.SomeType) {
  let def = known(schema)._zod.def;
  while (
    def.type === 'optional' ||
    def.type === 'default' ||
    def.type === 'prefault' ||
    def.type === 'readonly' ||
    def.type === 'nonoptional'
  ) {
    def = known(def.innerType)._zod.def;
  }
  return def;
}

function scalarKind(schema: z.core.SomeType): ScalarKind | undefined {
  const def = bare(schema);
  switch (def.type) {
    case 'string':
    case 'template_literal':
      return 'string';
    case 'number':
    case 'boolean':
      return def.type;
    case 'enum':
      return oneKind(Object.values(def.entries).map((value) => typeof value));
    case 'literal':
      return oneKind(def.values.map((value) => typeof value));
    case 'union':
      return oneKind(def.options.map((option) => (isText(option) ? 'string' : scalarKind(option))));
    default:
      return undefined;
  }
}

function oneKind(kinds: readonly (string | undefined)[]): ScalarKind | undefined {
  const [kind] = kinds;
  const same = kinds.every((other) => other === kind);
  return same && (kind === 'string' || kind === 'number' || kind === 'boolean') ? kind : undefined;
}

function listOf(schema: z.core.SomeType): { readonly kind: ScalarKind; readonly neverEmpty: boolean } | undefined {
  const def = bare(schema);
  if (def.type !== 'array') return undefined;
  const kind = scalarKind(def.element);
  const neverEmpty = (def.checks ?? []).some(({ _zod }) => {
    // Which of the bounds a check has follows from its name.
    const bound = _zod.def as { check: string; minimum?: number; length?: number };
    return (
      (bound.check === 'min_length' && (bound.minimum ?? 0) > 0) ||
      (bound.check === 'length_equals' && (bound.length ?? 0) > 0)
    );
  });
  return kind && { kind, neverEmpty };
}

function isEmptyByDefault(schema: z.core.SomeType): boolean {
  const def = known(schema)._zod.def;
  if (def.type === 'readonly') return isEmptyByDefault(def.innerType);
  return (
    (def.type === 'default' || def.type === 'prefault') &&
    Array.isArray(def.defaultValue) &&
    def.defaultValue.length === 0
  );
}
