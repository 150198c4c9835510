import { closed, listOf, object, text, unanswered, unauthenticated, type AdminOperation } from './admin-operation.ts';

const named = { ...unauthenticated, 404: 'There is no such service, or nothing of this name in it.' };
const answering = { ...named, 503: 'The service does not answer.' };
const count = { type: 'integer' };
const time = { type: 'number', description: 'Milliseconds since the epoch.' };
const partial = { type: 'boolean', description: 'True when a service did not answer: there may be more.' };
const service = text('A service.');
const jobId = text('Id of a job.');

const queueLag = object({
  service: text('Whose queue it is.'),
  queue: text('Its name.'),
  paused: { type: 'boolean' },
  waiting: { ...count, description: 'Jobs that could run now; counts end at 100 000.' },
  running: count,
  later: { ...count, description: 'Jobs whose time has not come.' },
  blocked: { ...count, description: 'Jobs behind another one of their key.' },
  dead: { ...count, description: 'Dead letters.' },
  lagMs: { ...count, description: 'How long the one has waited that waits longest; 0 when none does.' },
});

const failure = object({ attempt: count, at: time, code: text('Code of the error.'), message: text('For people.') });
const summary = {
  service: text('Whose job it is.'),
  id: jobId,
  queue: text('Its queue.'),
  state: { enum: ['waiting', 'later', 'blocked', 'running', 'dead'] },
  tenant: text('Missing when it has none.'),
  key: text('Jobs of one key run one after another.'),
  parent: text('Id of the job that it is a part of.'),
  priority: count,
  attempt: { ...count, description: 'Attempts that were begun.' },
  maxAttempts: count,
  enqueuedAt: time,
  runAt: time,
  deadline: time,
  endedAt: time,
  reason: { enum: ['attempts', 'deadline', 'refused'], description: 'Why it is a dead letter.' },
  failure,
};
const usual = ['service', 'id', 'queue', 'state', 'priority', 'attempt', 'maxAttempts', 'enqueuedAt'];

const filter = {
  queue: text('Only of this queue.'),
  tenant: text('Only of this tenant; empty for those without one.'),
  code: text('Only those whose last failure had this code.'),
  minAgeMs: { type: 'integer', minimum: 0, description: 'Only those that were given up (or enqueued) so long ago.' },
};
const deadJobs = {
  ...filter,
  id: text('Only this one.'),
  after: text('`next` of the answer before: goes on where that ended.'),
  limit: { type: 'integer', minimum: 1, maximum: 10_000, description: 'At most so many. Default 1 000.' },
};
const changed = object(
  { service, count: { ...count, description: 'How many were changed.' }, next: text('For the next piece.') },
  ['service', 'count'],
);
const place = object({ service, id: jobId });
const queuePlace = object({ service, queue: text('One of its queues.') });
const ofService = object({ service });

/** The operations of the admin API about jobs. */
export const JOB_OPERATIONS = {
  listQueues: {
    operationId: 'listQueues',
    method: 'GET',
    path: '/api/queues',
    summary: 'How far the queues of jobs are behind, of every service.',
    credential: true,
    query: closed(object({ service: text('Only of this service.') }, [])),
    answer: object({ items: listOf(queueLag), partial, unanswered }),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
  pauseQueue: {
    operationId: 'pauseQueue',
    method: 'POST',
    path: '/api/queues/{service}/{queue}/pause',
    summary: 'Begin no more jobs of a queue, in any instance; those that run go on.',
    credential: true,
    params: queuePlace,
    answer: queuePlace,
    problems: answering,
  },
  resumeQueue: {
    operationId: 'resumeQueue',
    method: 'POST',
    path: '/api/queues/{service}/{queue}/resume',
    summary: 'Let a queue that was paused go on.',
    credential: true,
    params: queuePlace,
    answer: queuePlace,
    problems: answering,
  },
  listJobs: {
    operationId: 'listJobs',
    method: 'GET',
    path: '/api/jobs',
    summary:
      'Jobs in the order in which they were enqueued. Of one service they come piece by piece: `next` is the `after` of the next request.',
    credential: true,
    query: closed(
      object(
        {
          service: text('Only of this service.'),
          state: { enum: ['waiting', 'later', 'blocked', 'running', 'dead'] },
          ...filter,
          after: text('`next` of the answer before; together with `service`.'),
          limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'Of each service.' },
        },
        [],
      ),
    ),
    answer: object(
      { items: listOf(object(summary, usual)), next: text('Missing when nothing is left.'), partial, unanswered },
      ['items', 'partial', 'unanswered'],
    ),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
  getJob: {
    operationId: 'getJob',
    method: 'GET',
    path: '/api/jobs/{service}/{id}',
    summary: 'One job with its payload, its progress and every failed attempt.',
    credential: true,
    params: place,
    answer: object(
      {
        ...summary,
        payload: { description: 'What it was given.' },
        failures: listOf(failure),
        progress: { description: 'What its handler last said.' },
        traceId: text('Trace of whoever enqueued it.'),
        behind: { ...count, description: 'Jobs of its key that wait behind it.' },
      },
      [...usual, 'payload', 'failures', 'behind'],
    ),
    problems: answering,
  },
  cancelJob: {
    operationId: 'cancelJob',
    method: 'POST',
    path: '/api/jobs/{service}/{id}/cancel',
    summary: 'End a job: at once when it waits or is a dead letter, soon when it runs.',
    credential: true,
    params: place,
    answer: object({ service, id: jobId, kind: { enum: ['cancelled', 'cancelling'] } }),
    problems: answering,
  },
  redriveJobs: {
    operationId: 'redriveJobs',
    method: 'POST',
    path: '/api/dead-jobs/{service}/redrive',
    summary: 'Let dead letters run again with all their attempts, at once or so many in a second.',
    credential: true,
    params: ofService,
    body: closed(
      object({ ...deadJobs, perSecond: { type: 'integer', minimum: 0, description: 'Default 0: all at once.' } }, []),
    ),
    answer: changed,
    problems: { ...answering, 400: 'A member is wrong.' },
  },
  discardJobs: {
    operationId: 'discardJobs',
    method: 'POST',
    path: '/api/dead-jobs/{service}/discard',
    summary: 'Drop dead letters for good; what waits behind them goes on.',
    credential: true,
    params: ofService,
    body: closed(object(deadJobs, [])),
    answer: changed,
    problems: { ...answering, 400: 'A member is wrong.' },
  },
} as const satisfies Readonly<Record<string, AdminOperation>>;
