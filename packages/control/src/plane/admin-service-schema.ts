import { closed, listOf, object, text, unanswered, unauthenticated, type AdminOperation } from './admin-operation.ts';

const named = { ...unauthenticated, 404: 'There is no such service, or nothing of this name in it.' };
const answering = { ...named, 503: 'The service does not answer.' };
const name = text('Name of a service or external.');
const count = { type: 'integer' };
const time = { type: 'number', description: 'Milliseconds since the epoch.' };
const cloudEvent = { type: 'object', description: 'A CloudEvent 1.0 in structured mode.' };
const partial = { type: 'boolean', description: 'True when a service did not answer: there may be more.' };

const deadLetter = {
  service: text('Service whose consumer gave it up.'),
  id: text('Unique within the service.'),
  consumer: text('Name of the consumer.'),
  event: cloudEvent,
  attempts: count,
  error: object({ code: text('Why the last attempt failed.'), message: text('The same for people.') }),
  firstFailedAt: time,
  lastFailedAt: time,
  traceId: text('Trace of the attempts.'),
  waiting: { ...count, description: 'Later events of the same key that wait behind it.' },
};
const callPolicy = {
  service: text('Service that calls.'),
  target: text('Whom it calls: `billing`, or `billing.charge` for one operation.'),
  trouble: text('Why calls are held back now, in a sentence; missing when they are not.'),
  state: { type: 'object', description: 'Everything that the policy knows, by its sections.' },
};
const letterPlace = object({ service: text('A service.'), id: text("The dead letter's id.") });
const changed = object({ service: text('The service.'), id: text("The dead letter's id.") });

/** The operations of the admin API that ask the services themselves. */
export const SERVICE_OPERATIONS = {
  listOperations: {
    operationId: 'listOperations',
    method: 'GET',
    path: '/api/operations',
    summary: 'Every operation of every service and external.',
    credential: true,
    answer: object({
      operations: listOf(
        object(
          {
            service: name,
            operation: text('Such as `placeOrder`.'),
            method: text('HTTP method.'),
            path: text('With `{member}` where a member of the input stands.'),
            summary: text('One line.'),
            visibility: { enum: ['public', 'internal'] },
            roles: listOf({ type: 'string' }),
            idempotencyKey: { enum: ['required', 'optional'] },
          },
          ['service', 'operation', 'method', 'path', 'visibility', 'roles'],
        ),
      ),
      partial,
      unanswered,
    }),
    problems: unauthenticated,
  },
  getServiceOpenApi: {
    operationId: 'getServiceOpenApi',
    method: 'GET',
    path: '/api/services/{name}/openapi',
    summary: 'The contract of a service or external as an OpenAPI 3.1 document, internal operations included.',
    credential: true,
    params: object({ name }),
    answer: { type: 'object' },
    problems: answering,
  },
  callOperation: {
    operationId: 'callOperation',
    method: 'POST',
    path: '/api/services/{name}/operations/{operation}',
    summary:
      'Call an operation past the edge, as the trusted service `cli`. Whatever the service answers is a 200 here, its status inside.',
    credential: true,
    params: object({ name, operation: text('Such as `placeOrder`.') }),
    body: closed(
      object(
        {
          input: { type: 'object', description: "What the operation's contract takes." },
          tenant: { type: 'string', minLength: 1, maxLength: 256 },
          subject: { type: 'string', minLength: 1, maxLength: 256, description: 'Who is asking.' },
          roles: { ...listOf({ type: 'string', minLength: 1, maxLength: 256 }), maxItems: 32 },
          idempotencyKey: { type: 'string', pattern: '^[!-~]{1,255}$' },
          timeoutMs: { type: 'integer', minimum: 1, maximum: 600_000, default: 30_000 },
        },
        ['input'],
      ),
    ),
    maxBodyBytes: 2 * 1024 * 1024,
    answer: object(
      {
        status: { ...count, description: "The service's own status." },
        body: { description: "The service's answer; a problem document when its status is 400 or more." },
        traceId: text('For `GET /api/traces/{traceId}`.'),
        requestId: text('The same call in logs.'),
        durationMs: { type: 'number' },
        idempotencyKey: text('The key under which it may be repeated; missing when the operation takes none.'),
      },
      ['status', 'body', 'traceId', 'requestId', 'durationMs'],
    ),
    problems: {
      ...answering,
      400: 'The input does not fit the contract; nothing was sent. `issues` says where.',
      504: 'No answer in time; the call may have been carried out.',
    },
  },
  listDeadLetters: {
    operationId: 'listDeadLetters',
    method: 'GET',
    path: '/api/dead-letters',
    summary:
      'Messages that were given up, of every service. A service that did not answer is named: then the list is partial.',
    credential: true,
    query: closed(
      object(
        {
          service: text('Only of this service.'),
          limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'Of each service.' },
        },
        [],
      ),
    ),
    answer: object({ items: listOf(object(deadLetter)), partial, unanswered }),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
  getDeadLetter: {
    operationId: 'getDeadLetter',
    method: 'GET',
    path: '/api/dead-letters/{service}/{id}',
    summary: 'One dead letter, and the first events of its key that wait behind it.',
    credential: true,
    params: letterPlace,
    answer: object({ ...deadLetter, waitingEvents: { ...listOf(cloudEvent), description: 'At most 20.' } }),
    problems: answering,
  },
  redriveDeadLetter: {
    operationId: 'redriveDeadLetter',
    method: 'POST',
    path: '/api/dead-letters/{service}/{id}/redrive',
    summary: 'Try a dead letter again, at once and with all its attempts.',
    credential: true,
    params: letterPlace,
    answer: changed,
    problems: answering,
  },
  discardDeadLetter: {
    operationId: 'discardDeadLetter',
    method: 'POST',
    path: '/api/dead-letters/{service}/{id}/discard',
    summary: 'Drop a dead letter for good; the next event of its key is due at once.',
    credential: true,
    params: letterPlace,
    answer: changed,
    problems: answering,
  },
  listPolicies: {
    operationId: 'listPolicies',
    method: 'GET',
    path: '/api/policies',
    summary:
      'The policies over the calls of every service, with their state. A service that did not answer is named: then the list is partial.',
    credential: true,
    query: closed(object({ service: text('Only of the calls of this service.') }, [])),
    answer: object({ items: listOf(object(callPolicy, ['service', 'target', 'state'])), partial, unanswered }),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
  listEvents: {
    operationId: 'listEvents',
    method: 'GET',
    path: '/api/events',
    summary:
      "A piece of what services have published, read from their own logs. Repeat with the answer's `cursor` to follow; `read` 0 means that nothing is left for now.",
    credential: true,
    query: closed(
      object(
        {
          service: { ...listOf({ type: 'string' }), maxItems: 100, description: 'Publishers; all without it.' },
          type: text('An event type, or with `*` at its end the beginning of some.'),
          key: text('Key of the events.'),
          since: { type: 'integer', minimum: 0, description: 'Milliseconds since the epoch; now without it.' },
          cursor: { type: 'string', maxLength: 8192, description: 'Of the answer before this one.' },
          limit: { type: 'integer', minimum: 1, maximum: 500, default: 100, description: 'Of each service.' },
        },
        [],
      ),
    ),
    answer: object({
      items: listOf(cloudEvent),
      cursor: text('For the next request.'),
      read: { ...count, description: 'Events that were read, with those that did not match.' },
      unanswered,
    }),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
} as const satisfies Readonly<Record<string, AdminOperation>>;
