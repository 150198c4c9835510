import type { AdminOperation, Schema } from './admin-operation.ts';
import { ADMIN_OPERATIONS } from './admin-schema.ts';

const problem: Schema = {
  type: 'object',
  description: 'RFC 9457 problem document.',
  properties: {
    type: { type: 'string' },
    code: { type: 'string', description: 'Stable; match this, never the text.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
  },
  required: ['type', 'code', 'title', 'status'],
};

function parameters(where: 'path' | 'query', schema: Schema | undefined): readonly Schema[] {
  // Both come from `ADMIN_OPERATIONS`, whose parameter schemas are objects with properties.
  const properties = (schema?.['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  const required = (schema?.['required'] ?? []) as readonly string[];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}

function operationObject(operation: AdminOperation): Schema {
  const refused = {
    403: 'The request names another host, or comes from a page of another origin.',
    ...operation.problems,
  };
  const all = [...parameters('path', operation.params), ...parameters('query', operation.query)];
  return {
    operationId: operation.operationId,
    summary: operation.summary,
    ...(operation.credential ? { security: [{ credential: [] }] } : { security: [] }),
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(operation.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: operation.body } } } }),
    responses: {
      200: { description: 'Done.', content: { 'application/json': { schema: operation.answer } } },
      ...Object.fromEntries(
        Object.entries(refused).map(([status, description]) => [
          status,
          {
            description,
            content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
        ]),
      ),
    },
  };
}

/** The admin API of a platform as an OpenAPI 3.1 document. */
export function adminOpenApi(platform: string, url: string): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const operation of Object.values(ADMIN_OPERATIONS)) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationObject(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title: `Admin API of ${platform}`, version: '0.1.0' },
    servers: [{ url }],
    paths,
    components: {
      securitySchemes: {
        credential: {
          type: 'http',
          scheme: 'bearer',
          description: 'Kept in secrets/admin.token of the data directory.',
        },
      },
      schemas: { Problem: problem },
    },
  };
}
