import { z } from 'zod';
import { asObject } from './components.ts';
import type { JsonObject } from './document.ts';
import type { Method, Operation } from './operation.ts';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const PART = '#/components/schemas/';

interface Found {
  readonly path: string;
  readonly method: string;
  readonly operation: JsonObject;
}

/** An operation as a document lists it, without its schemas. */
export type OperationSummary = Pick<
  Operation,
  'contract' | 'name' | 'method' | 'path' | 'summary' | 'roles' | 'visibility' | 'idempotencyKey'
>;

function operationsIn(document: JsonObject): readonly Found[] {
  return Object.entries(asObject(document['paths'])).flatMap(([path, item]) =>
    METHODS.map((method) => ({ path, method, operation: asObject(asObject(item)[method]) })).filter(
      ({ operation }) => typeof operation['operationId'] === 'string',
    ),
  );
}

const namesIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];

const parametersOf = (operation: JsonObject): readonly JsonObject[] =>
  Array.isArray(operation['parameters']) ? operation['parameters'].map(asObject) : [];

function summaryOf({ path, method, operation }: Found): OperationSummary {
  const [contract = '', name = ''] = String(operation['operationId']).split('.', 2);
  const key = parametersOf(operation).find((parameter) => parameter['in'] === 'header');
  return {
    contract,
    name,
    // One of METHODS.
    method: method.toUpperCase() as Method,
    path,
    summary: typeof operation['summary'] === 'string' ? operation['summary'] : undefined,
    roles: namesIn(operation['x-fairlead-roles']),
    visibility: operation['x-fairlead-visibility'] === 'public' ? 'public' : 'internal',
    idempotencyKey: key && (key['required'] === true ? 'required' : 'optional'),
  };
}

/** The operations of a document that `toOpenApi` has made, in its order. */
export function describedOperations(document: JsonObject): readonly OperationSummary[] {
  return operationsIn(document).map(summaryOf);
}

/** References within the document, as references within a schema that has its parts in `$defs`. */
function withOwnParts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withOwnParts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) =>
      key === '$ref' && typeof inner === 'string' ? [key, inner.replace(PART, '#/$defs/')] : [key, withOwnParts(inner)],
    ),
  );
}

function schemaReader(document: JsonObject) {
  const parts = asObject(asObject(document['components'])['schemas']);
  const $defs = withOwnParts(parts);
  return {
    /** The schema itself, when it is a reference to a part. */
    resolved(schema: JsonObject): JsonObject {
      const { $ref } = schema;
      return typeof $ref === 'string' ? asObject(parts[$ref.slice(PART.length)]) : schema;
    },
    zod(schema: JsonObject): z.ZodType {
      try {
        // What OpenAPI 3.1 calls a schema is a JSON Schema of draft 2020-12.
        return z.fromJSONSchema({ ...asObject(withOwnParts(schema)), $defs } as JsonSchema);
      } catch {
        // What zod has no word for is left to the service, which holds every input against its own contract.
        return z.any();
      }
    },
  };
}

/**
 * An operation of a document that `toOpenApi` has made, for callers who have the document and not the contract, such as
 * tools: `encodeCall` holds an input against it and makes the same call of it as of the original. Answers are not
 * described (`output` takes anything), nor are the operation's own errors.
 *
 * `undefined` when the document has no operation `<contract>.<name>`.
 */
export function describedOperation(document: JsonObject, contract: string, name: string): Operation | undefined {
  const found = operationsIn(document).find(({ operation }) => operation['operationId'] === `${contract}.${name}`);
  if (found === undefined) return undefined;
  const { operation } = found;
  const reader = schemaReader(document);
  const shape: Record<string, z.ZodType> = {};
  for (const { name: parameter, in: where, required, schema } of parametersOf(operation)) {
    if (where === 'header' || typeof parameter !== 'string') continue;
    const { default: fallback, ...rest } = asObject(schema);
    const member = reader.zod(rest);
    const always = required === true && fallback === undefined;
    // No name in the query at all is how an empty list travels.
    if (member instanceof z.ZodArray && !always) shape[parameter] = member.default([]);
    else shape[parameter] = always ? member : member.optional();
  }
  const content = asObject(asObject(operation['requestBody'])['content']);
  const body = reader.resolved(asObject(asObject(content['application/json'])['schema']));
  const needed = namesIn(body['required']);
  for (const [member, schema] of Object.entries(asObject(body['properties']))) {
    const { default: _fallback, ...rest } = asObject(schema);
    shape[member] = needed.includes(member) ? reader.zod(rest) : reader.zod(rest).optional();
  }
  const status = Object.keys(asObject(operation['responses'])).find((code) => code.startsWith('2'));
  return { ...summaryOf(found), input: z.object(shape), output: z.any(), status: Number(status ?? 200), errors: {} };
}
