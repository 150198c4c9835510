import { errorFromProblem, FairleadError, onDemand } from '@fairlead/core';
import type { DeadLetterAnswer, DeadLetterFilter, GivenUp, LetterPlace } from './plane/dead-letters.ts';
import type { TailPage, TailRequest } from './plane/event-tail.ts';
import type {
  DeadJobsAnswer,
  DeadJobsRequest,
  JobAnswer,
  JobListFilter,
  JobPlace,
  QueueAnswer,
  QueueFilter,
  QueuePlace,
  QueuedJob,
} from './plane/jobs.ts';
import type { OtlpTraces } from './plane/otlp.ts';
import type { PolicyAnswer, PolicyFilter } from './plane/policies.ts';
import type {
  SagaAnswer,
  SagaChange,
  SagaChanged,
  SagaChangeRequest,
  SagaFilter,
  SagaOwner,
  SagaPlace,
  SagaRun,
} from './plane/sagas.ts';
import type { RebuildAnswer, ViewAnswer, ViewFilter, ViewPlace } from './plane/views.ts';
import type { TraceStoreCounts, TraceSummary } from './plane/trace-store.ts';
import type { CallOutcome, OperationCall, OperationList } from './plane/service-calls.ts';
import type { InstanceStatus, TokenRequest } from './running-platform.ts';

/** Where the admin API is, and the right to use it. */
export interface AdminClientOptions {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly credential: string;
  /** How long an answer may take in milliseconds. Default 5 000; 0 is no limit. */
  readonly timeoutMs?: number;
}

/**
 * The admin API, typed. Every call rejects with the API's own code when it is refused, and with `UNAVAILABLE` when
 * nothing answers there.
 */
export interface AdminClient {
  services(): Promise<{ readonly platform: string; readonly services: readonly InstanceStatus[] }>;
  /** By trace id or request id. @throws TRACE_NOT_FOUND */
  trace(id: string): Promise<OtlpTraces>;
  /** The latest traces, newest first; `limit` at most 500. */
  traces(options: {
    readonly limit: number;
  }): Promise<{ readonly traces: readonly TraceSummary[]; readonly kept: TraceStoreCounts }>;
  /** What can be called. */
  operations(): Promise<OperationList>;
  /** @throws UNKNOWN_SERVICE, UNAVAILABLE */
  openapi(service: string): Promise<Readonly<Record<string, unknown>>>;
  /**
   * Resolves with the service's answer, whatever its status.
   * @throws UNKNOWN_SERVICE, NOT_FOUND, INVALID_INPUT: nothing was sent
   * @throws UNAVAILABLE, DEADLINE_EXCEEDED: it may have been carried out
   */
  call(service: string, operation: string, call: OperationCall): Promise<CallOutcome>;
  /** @throws UNKNOWN_SERVICE */
  deadLetters(filter?: DeadLetterFilter): Promise<DeadLetterAnswer>;
  /** With the events that wait behind it. @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  deadLetter(place: LetterPlace): Promise<GivenUp>;
  /** @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  redrive(place: LetterPlace): Promise<void>;
  /** @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  discard(place: LetterPlace): Promise<void>;
  /** How far queues of jobs are behind. @throws UNKNOWN_SERVICE */
  queues(filter?: QueueFilter): Promise<QueueAnswer>;
  /** @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  changeQueue(place: QueuePlace, change: 'pause' | 'resume'): Promise<void>;
  /** @throws UNKNOWN_SERVICE */
  jobs(filter?: JobListFilter): Promise<JobAnswer>;
  /** With its payload and every error. @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  job(place: JobPlace): Promise<QueuedJob>;
  /** @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  cancelJob(place: JobPlace): Promise<{ readonly kind: 'cancelled' | 'cancelling' }>;
  /** Dead letters run again, or are dropped. @throws UNKNOWN_SERVICE, UNAVAILABLE */
  changeDeadJobs(service: string, change: 'redrive' | 'discard', request: DeadJobsRequest): Promise<DeadJobsAnswer>;
  /** Runs of sagas. @throws UNKNOWN_SERVICE */
  sagas(filter?: SagaFilter): Promise<SagaAnswer>;
  /** One run, with its journal. @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  saga(place: SagaPlace, owner?: SagaOwner): Promise<SagaRun>;
  /** Decides about a run. @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE */
  changeSaga(place: SagaPlace, change: SagaChange, request?: SagaChangeRequest): Promise<SagaChanged>;
  /** Projections and replicas. @throws UNKNOWN_SERVICE */
  views(filter?: ViewFilter): Promise<ViewAnswer>;
  /** Builds a view anew. @throws UNKNOWN_SERVICE, VIEW_UNKNOWN, VIEW_BUSY, VIEW_TRIMMED, UNAVAILABLE */
  rebuildView(place: ViewPlace): Promise<RebuildAnswer>;
  /** @throws UNKNOWN_SERVICE */
  policies(filter?: PolicyFilter): Promise<PolicyAnswer>;
  /** The next piece of what services publish. @throws UNKNOWN_SERVICE */
  events(request: TailRequest): Promise<TailPage>;
  /** @throws UNKNOWN_TENANT, INVALID_INPUT */
  token(request: TokenRequest): Promise<{ readonly token: string; readonly expiresAt: number }>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function exchange(
  options: AdminClientOptions,
  method: string,
  path: string,
  body: string | undefined,
): Promise<Answer> {
  const { timeoutMs = 5_000 } = options;
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${options.credential}`,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    };
    const sent = onDemand.http.request(
      new URL(path, options.url),
      { method, agent: false, headers, timeout: timeoutMs },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FairleadError('bad-gateway', 'UNAVAILABLE', `What answers at ${url} is not the admin API of a platform.`);
  }
}

const MARGIN_MS = 10_000;
const step = encodeURIComponent;
const letterPath = ({ service, id }: LetterPlace): string => `/api/dead-letters/${step(service)}/${step(id)}`;
const sagaPath = ({ service, saga, id }: SagaPlace): string => `/api/sagas/${step(service)}/${step(saga)}/${step(id)}`;
const jobPath = ({ service, id }: JobPlace): string => `/api/jobs/${step(service)}/${step(id)}`;

/** `?a=1&b=2` of what is given; a list is repeated. */
function query(values: Readonly<Record<string, string | number | readonly string[] | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]) =>
    (value === undefined ? [] : Array.isArray(value) ? value : [value]).map((item): [string, string] => [
      name,
      String(item),
    ]),
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

/** A client of the admin API; it holds no connection. */
export function adminClient(options: AdminClientOptions): AdminClient {
  async function call(method: string, path: string, body?: unknown, timeoutMs = options.timeoutMs): Promise<unknown> {
    let answer: Answer;
    try {
      const timed = timeoutMs === undefined ? options : { ...options, timeoutMs };
      answer = await exchange(timed, method, path, body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new FairleadError('unavailable', 'UNAVAILABLE', `The admin API at ${options.url} does not answer: ${why}`, {
        cause: error,
      });
    }
    const value = parsed(answer.body, options.url);
    if (answer.status < 300) return value;
    throw errorFromProblem(value, answer.status);
  }
  // The server is ours, of the same version, and its answers are fixed by ADMIN_OPERATIONS.
  return {
    services: () => call('GET', '/api/services') as ReturnType<AdminClient['services']>,
    trace: (id) => call('GET', `/api/traces/${encodeURIComponent(id)}`) as Promise<OtlpTraces>,
    traces: ({ limit }) => call('GET', `/api/traces?limit=${limit}`) as ReturnType<AdminClient['traces']>,
    operations: () => call('GET', '/api/operations') as Promise<OperationList>,
    openapi: (service) => call('GET', `/api/services/${step(service)}/openapi`) as ReturnType<AdminClient['openapi']>,
    call: (service, operation, asked) =>
      call(
        'POST',
        `/api/services/${step(service)}/operations/${step(operation)}`,
        asked,
        // The control plane says what became of it: it must be heard.
        (asked.timeoutMs ?? 30_000) + MARGIN_MS,
      ) as Promise<CallOutcome>,
    deadLetters: (filter = {}) => call('GET', `/api/dead-letters${query({ ...filter })}`) as Promise<DeadLetterAnswer>,
    deadLetter: (place) => call('GET', letterPath(place)) as Promise<GivenUp>,
    async redrive(place) {
      await call('POST', `${letterPath(place)}/redrive`);
    },
    async discard(place) {
      await call('POST', `${letterPath(place)}/discard`);
    },
    queues: (filter = {}) => call('GET', `/api/queues${query({ ...filter })}`) as Promise<QueueAnswer>,
    async changeQueue({ service, queue }, change) {
      await call('POST', `/api/queues/${step(service)}/${step(queue)}/${change}`);
    },
    sagas: (filter = {}) => call('GET', `/api/sagas${query({ ...filter })}`) as Promise<SagaAnswer>,
    saga: (place, owner = {}) => call('GET', `${sagaPath(place)}${query({ ...owner })}`) as Promise<SagaRun>,
    changeSaga: (place, change, request = {}) =>
      call('POST', `${sagaPath(place)}/${change}`, request) as Promise<SagaChanged>,
    views: (filter = {}) => call('GET', `/api/views${query({ ...filter })}`) as Promise<ViewAnswer>,
    rebuildView: ({ service, view }) =>
      call('POST', `/api/views/${step(service)}/${step(view)}/rebuild`) as Promise<RebuildAnswer>,
    jobs: (filter = {}) => call('GET', `/api/jobs${query({ ...filter })}`) as Promise<JobAnswer>,
    job: (place) => call('GET', jobPath(place)) as Promise<QueuedJob>,
    cancelJob: (place) => call('POST', `${jobPath(place)}/cancel`) as ReturnType<AdminClient['cancelJob']>,
    changeDeadJobs: (service, change, asked) =>
      call('POST', `/api/dead-jobs/${step(service)}/${change}`, asked) as Promise<DeadJobsAnswer>,
    policies: (filter = {}) => call('GET', `/api/policies${query({ ...filter })}`) as Promise<PolicyAnswer>,
    events: (request) => call('GET', `/api/events${query({ ...request })}`) as Promise<TailPage>,
    token: (body) => call('POST', '/api/tokens', body) as ReturnType<AdminClient['token']>,
  };
}
