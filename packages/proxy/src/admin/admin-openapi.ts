import { toOpenApi, type JsonObject } from '@fairlead/contract';
import { adminContract } from './admin-contract.ts';
import { CHANGES } from './changing.ts';

const PLAIN = {
  '/metrics': ['metrics', 'Metrics in the Prometheus text format', 'text/plain'],
  '/openapi.json': ['openapi', 'This document', 'application/json'],
  '/health/live': ['live', 'Whether the process answers', 'application/json'],
  '/health/ready': ['ready', 'Whether it serves requests; 503 while it drains', 'application/json'],
} as const;

/**
 * The admin API as an OpenAPI 3.1 document: what answers are checked by, with who may ask, and what is no JSON of ours.
 * @param url where it is reached
 */
export function adminOpenApi(url: string): JsonObject {
  const document = toOpenApi(adminContract, {
    title: 'Admin API of a Fairlead gateway',
    version: adminContract.version,
    ...(url.startsWith('http') ? { servers: [{ url }] } : {}),
  });
  const paths = Object.entries(recordOf(document['paths'])).map(
    ([path, item]) => [path, Object.fromEntries(Object.entries(recordOf(item)).map(secured))] as const,
  );
  const plain = Object.entries(PLAIN).map(([path, [id, summary, type]]) => [
    path,
    {
      get: {
        operationId: `gateway-admin.${id}`,
        tags: [adminContract.name],
        summary,
        security: [],
        responses: { 200: { description: 'Success', content: { [type]: { schema: {} } } } },
      },
    },
  ]);
  return {
    ...document,
    paths: { ...Object.fromEntries(paths), ...Object.fromEntries(plain) },
    components: {
      ...recordOf(document['components']),
      securitySchemes: {
        credential: { type: 'http', scheme: 'bearer', description: 'The one that the gateway was started with.' },
      },
    },
  };
}

/** Changes need the credential. */
function secured([method, operation]: [string, unknown]): readonly [string, JsonObject] {
  const { 'x-fairlead-visibility': _internal, ...rest } = recordOf(operation);
  const name = String(rest['operationId']).split('.')[1] ?? '';
  return [method, { ...rest, security: CHANGES.has(name) ? [{ credential: [] }] : [] }];
}

function recordOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
