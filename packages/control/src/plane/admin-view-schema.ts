import { closed, listOf, object, text, unanswered, unauthenticated, type AdminOperation } from './admin-operation.ts';

const named = { ...unauthenticated, 404: 'There is no such service, or nothing of this name in it.' };
const count = { type: 'integer' };
const time = { type: 'number', description: 'Milliseconds since the epoch.' };
const service = text('A service.');

const build = object(
  {
    number: { ...count, description: 'Counts the builds of a view.' },
    version: count,
    slot: { enum: ['a', 'b'], description: 'Which of its two sets of tables it writes.' },
    shards: count,
    state: { enum: ['building', 'live', 'retired', 'dropping'] },
    since: time,
    progress: object(
      {
        lagMs: { type: 'number', description: 'How long the oldest event has been there that it lacks.' },
        parked: { ...count, description: 'Events that failed, and those that wait behind them.' },
        asOf: text('Of a replica: the position in its owner’s log up to which it is written.'),
        stopped: object({ code: text('Why it can’t go on.'), message: text('The same for people.') }),
      },
      ['lagMs', 'parked'],
    ),
  },
  ['number', 'version', 'slot', 'shards', 'state', 'since'],
);
const view = object(
  {
    service: text('Whose view it is.'),
    kind: { enum: ['projection', 'replica'] },
    name: text('Its name.'),
    version: { ...count, description: 'Of the code that answers.' },
    active: { ...count, description: 'The version that is read.' },
    reading: { ...count, description: 'The build that the code which answers reads.' },
    builds: listOf(build),
  },
  ['service', 'kind', 'name', 'version', 'active', 'builds'],
);

/** The operations of the admin API about projections and replicas. */
export const VIEW_OPERATIONS = {
  listViews: {
    operationId: 'listViews',
    method: 'GET',
    path: '/api/views',
    summary: 'Projections and replicas of every service: what is read, what is being built, how far it is behind.',
    credential: true,
    query: closed(object({ service: text('Only of this service.') }, [])),
    answer: object({
      items: listOf(view),
      partial: { type: 'boolean', description: 'True when a service did not answer: there may be more.' },
      unanswered,
    }),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
  rebuildView: {
    operationId: 'rebuildView',
    method: 'POST',
    path: '/api/views/{service}/{view}/rebuild',
    summary: 'Build a view anew beside the one that is read, which it replaces when it has caught up.',
    credential: true,
    params: object({ service, view: text('One of its projections or replicas.') }),
    answer: object({ service, name: text('The view.'), build: count }),
    problems: {
      ...named,
      409: 'It is being built already, or the log was trimmed.',
      503: 'The service does not answer.',
    },
  },
} as const satisfies Readonly<Record<string, AdminOperation>>;
