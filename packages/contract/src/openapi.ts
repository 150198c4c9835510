import { carriageOf } from './carriage.ts';
import { asObject, components, type Components } from './components.ts';
import type { Contract } from './contract.ts';
import { contractsOf, defined, type DocumentOptions, type JsonObject } from './document.ts';
import { fail } from './errors.ts';
import type { Operation } from './operation.ts';
import { PROBLEM_SCHEMA, problemResponses } from './problem-responses.ts';

/** What an OpenAPI document says besides its contracts. */
export interface OpenApiOptions extends DocumentOptions {
  /** Base URLs. Default: none. */
  readonly servers?: readonly { readonly url: string; readonly description?: string }[];
  /** Which operations are told of: `public` ones only, or `all`. Default `all`. */
  readonly visibility?: 'public' | 'all';
}

/**
 * The operations of contracts as an OpenAPI 3.1 document: the same contracts give the same document. Names of parts are
 * stable: operation ids are `<contract>.<operation>`.
 *
 * Requests are described as the server reads them (no further members), answers as callers should (others may come).
 * `roles` of a public operation are alternatives of its bearer security.
 *
 * @throws INVALID_CONTRACT when two contracts have the same name or answer the same method and path
 */
export function toOpenApi(contracts: Contract | readonly Contract[], options: OpenApiOptions): JsonObject {
  const { title, version, servers, visibility = 'all' } = options;
  const shared = components({ target: 'draft-2020-12' });
  const problem = shared.keep('Problem', PROBLEM_SCHEMA);
  const paths = new Map<string, Record<string, unknown>>();
  const shapes = new Map<string, string>();

  const all = contractsOf(contracts);
  for (const operation of all.flatMap((contract) => Object.values(contract.operations))) {
    if (visibility === 'public' && operation.visibility !== 'public') continue;
    const shape = operation.path.replaceAll(/\{\w+\}/g, '{}');
    // Paths that differ only in the names of their members are one path to OpenAPI.
    if ((shapes.get(shape) ?? operation.path) !== operation.path) {
      throw fail(
        'INVALID_CONTRACT',
        `${shapes.get(shape)} and ${operation.path} are one path to OpenAPI. Name their members alike.`,
      );
    }
    shapes.set(shape, operation.path);
    const item = paths.get(operation.path) ?? {};
    const method = operation.method.toLowerCase();
    if (item[method]) throw fail('INVALID_CONTRACT', `Two contracts answer ${operation.method} ${operation.path}.`);
    item[method] = operationObject(operation, shared, problem);
    paths.set(operation.path, item);
  }

  return defined({
    openapi: '3.1.0',
    info: { title, version },
    servers,
    tags: all.map(({ name, description }) => defined({ name, description })),
    paths: Object.fromEntries(paths),
    components: {
      schemas: shared.schemas,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  });
}

function operationObject(operation: Operation, shared: Components, problem: JsonObject): JsonObject {
  const id = `${operation.contract}.${operation.name}`;
  const input = shared.render(`${id}.input`, operation.input, 'input');
  const answer = shared.keep(`${id}.output`, shared.render(`${id}.output`, operation.output, 'output'));
  const roles = operation.roles.length > 0 ? operation.roles : undefined;
  return defined({
    operationId: id,
    tags: [operation.contract],
    summary: operation.summary,
    description: roles && `Asks for the role ${roles.join(' or ')}.`,
    parameters: parameters(operation, input),
    requestBody: requestBody(operation, input, shared),
    responses: {
      [operation.status]: {
        description: 'Success',
        headers: { 'x-request-id': { schema: { type: 'string' }, description: 'Where to look the request up' } },
        content: { 'application/json': { schema: answer } },
      },
      ...problemResponses(operation, problem),
    },
    security:
      operation.visibility === 'public'
        ? (roles ?? [undefined]).map((role) => ({ bearer: role === undefined ? [] : [role] }))
        : [],
    'x-fairlead-visibility': operation.visibility,
    'x-fairlead-roles': roles,
  });
}

function parameters(operation: Operation, input: JsonObject): readonly JsonObject[] {
  const { path, query } = carriageOf(operation, operation.name);
  const properties = asObject(input['properties']);
  const required = requiredOf(input);
  const key = operation.idempotencyKey && {
    name: 'Idempotency-Key',
    in: 'header',
    required: operation.idempotencyKey === 'required',
    description: 'A repeat with the same key and input gets the first answer',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  };
  return [
    ...[...path.keys()].map((name) => ({ name, in: 'path', required: true, schema: properties[name] })),
    ...[...query].map(([name, member]) =>
      defined({
        name,
        in: 'query',
        required: required.includes(name) && !member.emptyWhenAbsent,
        ...(member.repeated && { style: 'form', explode: true }),
        schema: properties[name],
      }),
    ),
    ...(key ? [key] : []),
  ];
}

function requestBody(operation: Operation, input: JsonObject, shared: Components): JsonObject | undefined {
  const { body } = carriageOf(operation, operation.name);
  if (!body) return undefined;
  const properties = asObject(input['properties']);
  const required = body.filter((name) => requiredOf(input).includes(name));
  const schema = defined({
    ...input,
    properties: Object.fromEntries(body.map((name) => [name, properties[name]])),
    required: required.length > 0 ? required : undefined,
  });
  const kept = shared.keep(`${operation.contract}.${operation.name}.body`, schema);
  return { required: required.length > 0, content: { 'application/json': { schema: kept } } };
}

function requiredOf(schema: JsonObject): readonly unknown[] {
  return Array.isArray(schema['required']) ? schema['required'] : [];
}
