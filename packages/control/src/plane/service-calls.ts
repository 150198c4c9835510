import { createContext, type Closeable, type Context } from '@fairlead/core';
import { callDescribed, operationsOf, socketTransport, type OperationSummary } from '@fairlead/service';
import { gatewayEndpoint } from '../process-environment.ts';
import { askAll, askOne, servicesAmong, unknownService, type Unanswered } from './ask-instance.ts';
import type { Audit } from './audit.ts';
import type { ControlPlane } from './control-plane.ts';

/** A JSON object. */
type JsonObject = Readonly<Record<string, unknown>>;

/** A call of one operation, made for a person. */
export interface OperationCall {
  readonly input: JsonObject;
  /** Default: none. */
  readonly tenant?: string;
  /** Who is asking. Default: nobody. */
  readonly subject?: string;
  /** Default: none. */
  readonly roles?: readonly string[];
  /** Sent when the operation takes one. Default: none. */
  readonly idempotencyKey?: string;
  /** How long it may take, in milliseconds; at most 600 000. Default 30 000. */
  readonly timeoutMs?: number;
}

/** What came of a call, whatever the service's answer was. */
export interface CallOutcome {
  readonly status: number;
  /** The answer as JSON; its text when it is none. */
  readonly body: unknown;
  readonly traceId: string;
  readonly requestId: string;
  readonly durationMs: number;
  /** The key under which it may be repeated; missing when the operation takes none. */
  readonly idempotencyKey?: string;
}

/** The operations that can be called. */
export interface OperationList {
  readonly operations: readonly (Omit<OperationSummary, 'contract' | 'name'> & {
    readonly service: string;
    readonly operation: string;
  })[];
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** What can be done with the contracts of a running platform. */
export interface ServiceCalls extends Closeable {
  /** Of every service and external. */
  operations(): Promise<OperationList>;
  /**
   * The contract of a service or external as an OpenAPI document, internal operations included.
   * @throws UNKNOWN_SERVICE, UNAVAILABLE
   */
  describe(name: string): Promise<JsonObject>;
  /**
   * Calls one operation as the trusted service `cli`, so internal ones too. The input is held against the contract first.
   * Written into the audit log, whatever comes of it.
   * @throws UNKNOWN_SERVICE, NOT_FOUND (no such operation), INVALID_INPUT: nothing has been sent
   * @throws UNAVAILABLE, DEADLINE_EXCEEDED: the call may have been carried out, unless `details.processed` is `no`
   */
  call(service: string, operation: string, call: OperationCall): Promise<CallOutcome>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const OPENAPI = { path: '/internal/openapi' };

// What a service answers there is a document, and `operationsOf` takes nothing in it for granted.
const asDocument = (answer: unknown): JsonObject => answer as JsonObject;

/** Calls to the services and externals of a platform, over their sockets. Holds connections: close it. */
export function serviceCalls(plane: ControlPlane, audit: Audit): ServiceCalls {
  const { clock, random, externals } = plane;
  const transport = socketTransport({
    resolve(name) {
      const url = plane.instances().find((instance) => instance.name === name)?.url ?? externals[name]?.url;
      return url === undefined ? undefined : gatewayEndpoint(url);
    },
  });

  const names = (): readonly string[] => [
    ...servicesAmong(plane.instances()).map(({ name }) => name),
    ...Object.keys(externals),
  ];

  async function describe(name: string): Promise<JsonObject> {
    const external = Object.hasOwn(externals, name) ? externals[name] : undefined;
    if (external !== undefined) return external.document;
    const instance = servicesAmong(plane.instances()).find((candidate) => candidate.name === name);
    if (instance === undefined) throw unknownService(name, names());
    return asDocument(await askOne(instance, OPENAPI, { clock }));
  }

  /** The call as the root of its trace: what the services below it record hangs on it. */
  function recordSpan(ctx: Context, name: string, startMs: number, durationMs: number, failure: string | undefined) {
    const nanos = (ms: number): string => `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;
    const span = {
      traceId: ctx.trace.traceId,
      spanId: ctx.trace.spanId,
      name,
      kind: 3,
      startTimeUnixNano: nanos(startMs),
      endTimeUnixNano: nanos(startMs + durationMs),
      attributes: [{ key: 'fairlead.request_id', value: { stringValue: ctx.requestId } }],
      status: failure === undefined ? {} : { code: 2, message: failure },
    };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'cli' } }] };
    plane.receive({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  }

  return {
    async operations() {
      const services = servicesAmong(plane.instances());
      const { answers, unanswered } = await askAll(services, () => OPENAPI, asDocument, { clock });
      const documents = [
        ...answers.map(({ answer }) => answer),
        ...Object.values(externals).map((each) => each.document),
      ];
      const operations = documents
        .flatMap(operationsOf)
        .map(({ contract: service, name: operation, ...rest }) => ({ service, operation, ...rest }));
      return { operations, partial: unanswered.length > 0, unanswered };
    },
    describe,
    async call(service, operation, call) {
      const { input, tenant, subject, roles = [], timeoutMs = DEFAULT_TIMEOUT_MS } = call;
      const document = await describe(service);
      const takesKey = operationsOf(document).some(
        (each) => each.name === operation && each.idempotencyKey !== undefined,
      );
      const key = takesKey && call.idempotencyKey !== undefined ? { idempotencyKey: call.idempotencyKey } : {};
      using ctx = createContext({ clock, random, timeoutMs, tenant, caller: { service: 'cli', subject, roles } });
      const { traceId } = ctx.trace;
      const place = `${service}.${operation}`;
      const startMs = clock.now();
      const startedMs = clock.monotonic();
      let outcome = 'failed';
      try {
        const answer = await callDescribed(ctx, {
          service,
          operation,
          document,
          input,
          transport,
          ...key,
        });
        outcome = String(answer.status);
        const { status } = answer;
        const durationMs = clock.monotonic() - startedMs;
        return { status, body: parsed(answer.body), traceId, requestId: ctx.requestId, durationMs, ...key };
      } finally {
        const failure = /^[123]/.test(outcome) ? undefined : outcome;
        recordSpan(ctx, place, startMs, clock.monotonic() - startedMs, failure);
        audit({
          action: 'operation.call',
          service,
          target: operation,
          details: { tenant, subject, roles, traceId, outcome },
        });
      }
    },
    close: (options) => transport.close(options),
    [Symbol.asyncDispose]: () => transport.close(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
