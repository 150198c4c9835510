import {
  closed,
  listOf,
  object,
  text,
  unanswered,
  unauthenticated,
  type AdminOperation,
  type Schema,
} from './admin-operation.ts';
import type { SagaChange } from './sagas.ts';

const named = { ...unauthenticated, 404: 'There is no such service, or no such run.' };
const answering = { ...named, 400: 'A parameter is wrong.', 503: 'The service does not answer.' };
const count = { type: 'integer' };
const time = { type: 'number', description: 'Milliseconds since the epoch.' };
const status = {
  enum: ['running', 'waiting', 'compensating', 'completed', 'compensated', 'resolved', 'needs-attention', 'parked'],
};
const failure = object(
  {
    code: text('Code of the error.'),
    kind: text('Its kind.'),
    message: text('For people.'),
    details: { type: 'object' },
  },
  ['code', 'kind', 'message'],
);
const service = text('A service.');
const saga = text('One of its sagas.');
const id = text('Id of a run.');

const owner = text('Whose run is meant; empty for nobody’s. Default: whoever has one of this name.');

const summary = {
  service,
  saga,
  id,
  tenant: text('Whose it is.'),
  status,
  startedAt: time,
  updatedAt: time,
  wakesAt: { ...time, description: 'Until when it waits at the latest, in milliseconds since the epoch.' },
  steps: { ...count, description: 'Records in its journal.' },
  attributes: { type: 'object', additionalProperties: { type: 'string' } },
  failure,
};
const required = ['service', 'saga', 'id', 'status', 'startedAt', 'updatedAt', 'steps', 'attributes'];
const record = object(
  {
    kind: text('What it records: step, transaction, sleep, signal, child, patch, undo, cancel or fail.'),
    name: text('Of the step.'),
    occurrence: { ...count, description: 'Which one of this kind and name, from 1.' },
    at: time,
    result: {},
    failure,
    until: time,
  },
  ['kind', 'name', 'occurrence', 'at'],
);
const failing = object({ step: text('Which step.'), attempts: count, failure, nextAt: time });
const signal = object({ name: text('Its name.'), data: {}, at: time }, ['name', 'at']);

const changed = object(
  {
    service,
    saga,
    id,
    kind: text('What came of it; refused when its status does not allow it.'),
    status,
    why: text('Why it was refused, for people.'),
  },
  ['service', 'saga', 'id', 'kind'],
);

const change = (name: SagaChange, summaryText: string, parameters: Record<string, Schema>) =>
  ({
    operationId: `${name}Saga`,
    method: 'POST',
    path: `/api/sagas/{service}/{saga}/{id}/${name}`,
    summary: summaryText,
    credential: true,
    params: object({ service, saga, id }),
    body: closed(object({ tenant: owner, ...parameters }, [])),
    answer: changed,
    problems: answering,
  }) as const satisfies AdminOperation;

const json = text('JSON. Default null.');

/** The operations of the admin API about sagas. */
export const SAGA_OPERATIONS = {
  listSagas: {
    operationId: 'listSagas',
    method: 'GET',
    path: '/api/sagas',
    summary: 'Runs of sagas of every service: where they are, and what holds them up.',
    credential: true,
    query: closed(
      object(
        {
          service: text('Only of this service.'),
          saga: text('Only of this saga.'),
          tenant: text('Only of this tenant; empty for those without one.'),
          status,
          attribute: text('Only those with this attribute, name=value; together with saga.'),
          after: text('next of the answer before; together with service.'),
          limit: { ...count, minimum: 1, maximum: 1_000, description: 'How many of each service. Default 100.' },
        },
        [],
      ),
    ),
    answer: object(
      {
        items: listOf(object(summary, required)),
        next: text('For the next piece.'),
        partial: { type: 'boolean', description: 'True when a service did not answer: there may be more.' },
        unanswered,
      },
      ['items', 'partial', 'unanswered'],
    ),
    problems: { ...named, 400: 'A parameter is wrong.' },
  },
  getSaga: {
    operationId: 'getSaga',
    method: 'GET',
    path: '/api/sagas/{service}/{saga}/{id}',
    summary: 'Everything of one run: its input, its journal, what fails, what it waits for.',
    credential: true,
    params: object({ service, saga, id }),
    query: closed(object({ tenant: owner }, [])),
    answer: object(
      {
        ...summary,
        input: {},
        version: text('Of the code that parked it.'),
        seed: text('What its random numbers and ids come from.'),
        journal: listOf(record),
        failing: listOf(failing),
        signals: listOf(signal),
        state: { description: 'What it has exposed.' },
        result: {},
      },
      [...required, 'journal', 'failing', 'signals', 'seed'],
    ),
    problems: { ...named, 503: 'The service does not answer.' },
  },
  cancelSaga: change('cancel', 'Have a run end, and take back what it has done.', { reason: text('Why.') }),
  retrySaga: change('retry', 'Let a run that is held up go on where it stood.', {}),
  skipSaga: change('skip', 'Take what holds a run up as done.', { result: json }),
  resolveSaga: change('resolve', 'End a run as it is, for good; nothing more is taken back.', {
    note: text('Who decided, and why.'),
    result: json,
  }),
  signalSaga: change('signal', 'Send a run a signal.', { name: text('Of the signal.'), data: json }),
} as const satisfies Readonly<Record<string, AdminOperation>>;
