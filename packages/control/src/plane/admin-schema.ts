import { listOf, object, text, unauthenticated, type AdminOperation } from './admin-operation.ts';
import { JOB_OPERATIONS } from './admin-job-schema.ts';
import { SAGA_OPERATIONS } from './admin-saga-schema.ts';
import { VIEW_OPERATIONS } from './admin-view-schema.ts';
import { SERVICE_OPERATIONS } from './admin-service-schema.ts';
import { MAX_TTL_SECONDS } from './token-issuer.ts';

const exit = object({
  code: { type: ['integer', 'null'] },
  signal: { type: ['string', 'null'] },
  reason: text('One sentence for a person.'),
  at: { type: 'number', description: 'Milliseconds since the epoch.' },
  lastLines: listOf({ type: 'string' }),
});

const instance = object(
  {
    name: text('Name of the service, the external, `gateway`, `control` or `postgres`.'),
    kind: { enum: ['service', 'external', 'gateway', 'control', 'database'] },
    state: { enum: ['starting', 'ready', 'backoff', 'crash-loop', 'stopping', 'stopped'] },
    pid: { type: 'integer' },
    url: text('`http://host:port` or `unix:/path`.'),
    restarts: { type: 'integer', description: 'Times that it was started again after it ended unasked.' },
    since: { type: 'number', description: 'When it came into this state, in milliseconds since the epoch.' },
    lastExit: exit,
  },
  ['name', 'kind', 'state', 'restarts', 'since'],
);

const otlp = object({ resourceSpans: listOf({ type: 'object' }) });

const traceSummary = object(
  {
    traceId: text('32 hex digits.'),
    name: text('Name of the span that began it.'),
    service: text('Service that began it.'),
    startMs: { type: 'number' },
    durationMs: { type: 'number' },
    spans: { type: 'integer' },
    errors: { type: 'integer' },
  },
  ['traceId', 'name', 'startMs', 'durationMs', 'spans', 'errors'],
);

/** Every operation of the admin API. */
export const ADMIN_OPERATIONS = {
  listServices: {
    operationId: 'listServices',
    method: 'GET',
    path: '/api/services',
    summary: 'Every instance of the platform, as the supervisor last said.',
    credential: true,
    answer: object({ platform: text('Name of the platform.'), services: listOf(instance) }),
    problems: unauthenticated,
  },
  getTrace: {
    operationId: 'getTrace',
    method: 'GET',
    path: '/api/traces/{traceId}',
    summary: 'One trace as OTLP JSON.',
    credential: true,
    params: object({ traceId: text('A trace id, or the request id of a request in it.') }),
    answer: otlp,
    problems: { ...unauthenticated, 404: 'No such trace is kept.' },
  },
  listTraces: {
    operationId: 'listTraces',
    method: 'GET',
    path: '/api/traces',
    summary: 'The latest traces, the newest first, and what had to be dropped.',
    credential: true,
    query: {
      ...object({ limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 } }, []),
      additionalProperties: false,
    },
    answer: object({
      traces: listOf(traceSummary),
      kept: object({
        traces: { type: 'integer' },
        bytes: { type: 'integer' },
        droppedTraces: { type: 'integer' },
        droppedSpans: { type: 'integer' },
      }),
    }),
    problems: { ...unauthenticated, 400: 'A parameter is wrong.' },
  },
  ...SERVICE_OPERATIONS,
  ...JOB_OPERATIONS,
  ...VIEW_OPERATIONS,
  ...SAGA_OPERATIONS,
  createToken: {
    operationId: 'createToken',
    method: 'POST',
    path: '/api/tokens',
    summary: 'Signs a development token for the gateway.',
    credential: true,
    body: {
      ...object(
        {
          tenant: { type: 'string', minLength: 1, description: 'A tenant of the blueprint.' },
          subject: { type: 'string', minLength: 1, description: 'Who the token speaks for.' },
          roles: { ...listOf({ type: 'string', minLength: 1 }), default: [] },
          ttlSeconds: { type: 'integer', minimum: 1, maximum: MAX_TTL_SECONDS, default: 3600 },
        },
        ['tenant', 'subject'],
      ),
      additionalProperties: false,
    },
    answer: object({
      token: text('A signed JWT.'),
      expiresAt: { type: 'number', description: 'Milliseconds since the epoch.' },
    }),
    problems: { ...unauthenticated, 400: 'The body is wrong.', 422: 'The blueprint has no such tenant.' },
  },
  getJwks: {
    operationId: 'getJwks',
    method: 'GET',
    path: '/.well-known/jwks.json',
    summary: "The platform's public keys.",
    credential: false,
    answer: object({ keys: listOf({ type: 'object' }) }),
    problems: {},
  },
  getOpenApi: {
    operationId: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description.',
    credential: false,
    answer: { type: 'object' },
    problems: {},
  },
} as const satisfies Readonly<Record<string, AdminOperation>>;

/** Name of an operation. */
export type AdminOperationName = keyof typeof ADMIN_OPERATIONS;
