import type { SagaStatus } from '@fairlead/events';
import { fail } from './errors.ts';
import { get, post, textOf, unfit, whole, type OwnRequest, type OwnRoute } from './own-route.ts';
import { RESERVED_PATHS } from './reserved-paths.ts';
import type { SagaPlace } from './saga-upkeep.ts';
import type { ServiceInstance } from './service-instance.ts';

const MAX_LISTED = 1_000;
const STATUSES: readonly SagaStatus[] = [
  'running',
  'waiting',
  'compensating',
  'completed',
  'compensated',
  'resolved',
  'needs-attention',
  'parked',
];

type Change = (request: OwnRequest, place: SagaPlace) => Promise<{ readonly kind: string }>;

/** What every service answers about its sagas. */
export function sagaRoutes(instance: ServiceInstance): readonly OwnRoute[] {
  const { name } = instance;

  /** A route that changes one run, if it is there. */
  const change = (path: string, how: Change): OwnRoute =>
    post(path, async (request) => {
      const place = placeOf(request);
      const done = await how(request, place);
      if (done.kind === 'unknown') throw noSuchRun(name, place);
      return { ...place, ...done };
    });

  return [
    get(RESERVED_PATHS.sagas, async ({ ctx, query }) => {
      const [saga, status] = [textOf(query, 'saga'), statusOf(query)];
      const [after, limit] = [textOf(query, 'after'), whole(query, 'limit', MAX_LISTED)];
      const tenant = textOf(query, 'tenant');
      const page = await instance.sagas(ctx, {
        ...(saga === undefined ? {} : { saga }),
        ...(status === undefined ? {} : { status }),
        ...(tenant === undefined ? {} : { tenant }),
        ...(after === undefined ? {} : { after }),
        ...(limit === undefined ? {} : { limit }),
        ...attributeOf(query),
      });
      return { items: page.sagas, next: page.next };
    }),
    get(RESERVED_PATHS.saga, async (request) => {
      const place = placeOf(request);
      const found = await instance.saga(request.ctx, place);
      if (found === undefined) throw noSuchRun(name, place);
      return found;
    }),
    change(RESERVED_PATHS.cancelSaga, ({ ctx, query }, place) =>
      instance.cancelSaga(ctx, place, textOf(query, 'reason')),
    ),
    change(RESERVED_PATHS.retrySaga, ({ ctx }, place) => instance.retrySaga(ctx, place)),
    change(RESERVED_PATHS.skipSaga, ({ ctx, query }, place) => instance.skipSaga(ctx, place, jsonOf(query, 'result'))),
    change(RESERVED_PATHS.resolveSaga, ({ ctx, query }, place) => {
      const note = textOf(query, 'note') ?? '';
      if (note === '') throw unfit('note', 'a text that says who decided, and why');
      return instance.resolveSaga(ctx, place, note, jsonOf(query, 'result'));
    }),
    change(RESERVED_PATHS.signalSaga, ({ ctx, query }, place) => {
      const signal = textOf(query, 'name') ?? '';
      if (signal === '') throw unfit('name', 'the name of a signal');
      return instance.signalSaga(ctx, place, { name: signal, data: jsonOf(query, 'data') });
    }),
  ];
}

function placeOf({ members: { saga = '', id = '' }, query }: OwnRequest): SagaPlace {
  const tenant = textOf(query, 'tenant');
  return tenant === undefined ? { saga, id } : { saga, id, tenant };
}

function statusOf(query: URLSearchParams): SagaStatus | undefined {
  const text = textOf(query, 'status');
  const status = STATUSES.find((each) => each === text);
  if (text !== undefined && status === undefined) throw unfit('status', `one of ${STATUSES.join(', ')}`);
  return status;
}

/** `attribute=name=value`. */
function attributeOf(query: URLSearchParams) {
  const text = textOf(query, 'attribute');
  if (text === undefined) return {};
  const equals = text.indexOf('=');
  if (equals < 1 || textOf(query, 'saga') === undefined) throw unfit('attribute', 'name=value, together with saga');
  return { attribute: { name: text.slice(0, equals), value: text.slice(equals + 1) } };
}

function jsonOf(query: URLSearchParams, parameter: string): unknown {
  const text = textOf(query, parameter);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw unfit(parameter, 'JSON');
  }
}

function noSuchRun(service: string, { saga, id }: SagaPlace) {
  return fail(
    'NOT_FOUND',
    `${service} has no run ${id.slice(0, 200)} of a saga ${saga.slice(0, 100)}. It may have ended long ago.`,
  );
}
