// Map: `define-service.ts` and `definition.ts` are what a service is written with, `kit.ts` what its handlers get
// (`handler-kit.ts` makes it, `client.ts` its calls); `config.ts`, `secret.ts` and `read-config.ts` are its environment.
// This file makes a running instance: `exchange.ts` and `layers/` are the way of a call, outermost first as listed below,
// `failure.ts` what callers are told of failures, `idempotency-*.ts` the answers kept by key, `consuming.ts` the way of
// an event, `working.ts` that of a job (`job-definition.ts` and `jobs.ts` are what jobs are written with,
// `service-sagas.ts` its sagas, `deferred-calls.ts` calls as jobs, `queue-gauges.ts` how far queues are behind), `process-leases.ts` the rights of the
// process, `readiness.ts`, `in-flight.ts` and `migrations.ts` what their names say, `upkeep.ts` and `job-upkeep.ts` what
// people ask of its dead letters and events, `raw-routes.ts` the way of what is no operation. `serve-http.ts` adds the
// socket (`http-routes.ts` and `route-table.ts` say what is there, `http-exchange.ts` answers, `own-routes.ts` is what
// every service has; `view-upkeep.ts` and `view-routes.ts` are of projections and replicas, `saga-upkeep.ts` and `saga-routes.ts` of sagas),
// `main.ts` the process; `socket-transport.ts` and `local-transport.ts` carry calls to others.

import {
  contextFromHeaders,
  createContext,
  nearest,
  Slots,
  type Context,
  type ScopedContext,
  type TransportResponse,
} from '@fairlead/core';
import { openViews } from '@fairlead/events';
import { startConsumer, startRelay, type Relay } from '@fairlead/messaging';
import { acrossTenants, worker } from '@fairlead/store';
import { callPolicies } from './call-policies.ts';
import { clients, deferredSender } from './client.ts';
import { consuming } from './consuming.ts';
import { deferredCalls } from './deferred-calls.ts';
import type { ServiceDefinition } from './definition.ts';
import { fail } from './errors.ts';
import { Call, layered } from './exchange.ts';
import { problemAnswer } from './failure.ts';
import { HandlerKit, logs, type KitParts } from './handler-kit.ts';
import { startIdempotencyCleaner } from './idempotency-cleaner.ts';
import { idempotencyRecords } from './idempotency-records.ts';
import { inFlight } from './in-flight.ts';
import { notFound, permitted, visible } from './layers/admission.ts';
import { decoded } from './layers/decoded.ts';
import { handled } from './layers/handled.ts';
import { idempotent } from './layers/idempotent.ts';
import { observed } from './layers/observed.ts';
import { problems } from './layers/problems.ts';
import { prompt } from './layers/prompt.ts';
import { missingMigrations } from './migrations.ts';
import { processLeases } from './process-leases.ts';
import { queueGauges } from './queue-gauges.ts';
import { rawRoutes } from './raw-routes.ts';
import { readConfig } from './read-config.ts';
import { readinessChecks, readinessOf } from './readiness.ts';
import type { IncomingRequest, Readiness, ServiceInstance, ServicePorts } from './service-instance.ts';
import { noSagas, serviceSagas } from './service-sagas.ts';
import { upkeep } from './upkeep.ts';
import { working } from './working.ts';

/** Time for a request that states none, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_RETENTION_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_GRACE_MS = 5_000;
/** How long aborted work may take to notice, before it is left behind. */
const ABORT_GRACE_MS = 500;

/**
 * Makes a service from its definition and the ports through which it reaches the world. Opens nothing: `start` does.
 * @throws MISCONFIGURED with every wrong or missing configuration value at once, or naming the port that is missing
 */
export function createService(definition: ServiceDefinition, ports: ServicePorts): ServiceInstance {
  const { clock, random, telemetry } = ports;
  const { contract } = definition;
  const { name } = contract;
  const database = definition.database === undefined ? undefined : ports.database;
  if (definition.database !== undefined && database === undefined) {
    throw fail('MISCONFIGURED', `${name}: its definition has a database, but no database port was given.`);
  }
  const publishes = Object.keys(contract.events).length > 0 && database !== undefined;
  const { projections = [], replicas = [] } = definition;
  const needsBroker = publishes || Object.keys(definition.consumers ?? {}).length > 0 || replicas.length > 0;
  if (needsBroker && ports.broker === undefined) {
    throw fail('MISCONFIGURED', `${name}: it publishes or consumes events, but no broker port was given.`);
  }
  const config = readConfig(definition.config ?? {}, {
    service: name,
    env: ports.env,
    readFile: ports.readFile,
    onSecret: (value) => void telemetry.redactValue(value),
  });

  const { uses = {} } = definition;
  const deferred =
    definition.deferredCalls && database && deferredCalls(name, database, definition.deferredCalls, telemetry);
  const policies = callPolicies({ uses, targets: ports.policies ?? {}, ports, defer: deferred?.port });
  const clientOptions = {
    service: name,
    uses,
    transport: ports.transport,
    telemetry,
    policies,
    defers: deferred !== undefined,
  };

  let state: Readiness['state'] = 'created';
  let relay: Relay | undefined;
  const held = processLeases(name, database !== undefined, ports);
  const queues = working(definition, () => parts, telemetry);
  const hasViews = database !== undefined && projections.length + replicas.length > 0;
  const common = { clock, random, telemetry };
  const views = hasViews
    ? openViews({ ...common, database, projections, replicas, broker: ports.broker, leases: held.get() })
    : undefined;
  const workflows = serviceSagas(definition, ports, () => parts);
  const parts: KitParts = {
    contract,
    config,
    database,
    isolated: definition.database?.tenancy !== undefined,
    leases: () => held.get(),
    jobs: queues?.jobs,
    sagas: () => workflows?.get() ?? noSagas(definition),
    views,
    log: telemetry.log,
    telemetry,
    logFor: logs(telemetry.log),
    callsFor: clients(clientOptions),
    onPublished: () => relay?.poke(),
  };
  const retentionMs = definition.idempotency?.retentionMs ?? DEFAULT_RETENTION_MS;
  const records = database && idempotencyRecords({ database, clock, random, instance: ports.instance, retentionMs });
  const work = inFlight(clock);
  const running = new Slots<ScopedContext>();
  const isStopping = () => state === 'draining' || state === 'closed';
  const way = layered(
    [
      observed(telemetry),
      problems(telemetry.log),
      prompt(work, isStopping),
      visible,
      permitted,
      decoded,
      ...(records && database
        ? [idempotent({ records, database, log: telemetry.log, leaseMs: DEFAULT_TIMEOUT_MS })]
        : []),
    ],
    handled(definition, parts, records),
  );
  const answerRaw = rawRoutes({ definition, parts, telemetry, work, running, isStopping });
  const events = consuming(definition, parts);
  const look = readinessChecks(definition, ports, { broker: needsBroker, policies });
  const started: { close(options: { readonly graceMs: number }): Promise<void> }[] = [];
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function start(): Promise<void> {
    state = 'starting';
    await checkMigrations();
    // Closed meanwhile: nothing may begin any more.
    if (closing !== undefined) return;
    const { broker } = ports;
    if (views !== undefined) {
      started.push(views);
      await views.start();
    }
    if (publishes && broker !== undefined)
      relay = startRelay({ ...common, source: name, database: acrossTenants(database), broker });
    if (events !== undefined && broker !== undefined && database !== undefined) {
      const { sources, accepts, handler } = events;
      started.push(startConsumer({ ...common, name, database, broker, sources, accepts, handler }));
    }
    if (records !== undefined) started.push(startIdempotencyCleaner({ records, clock, random, log: telemetry.log }));
    const handled = [
      ...(queues?.handled ?? []),
      ...(deferred ? [deferred.handled(deferredSender(clientOptions))] : []),
    ];
    if (handled.length > 0 && database !== undefined) {
      started.push(worker({ ...common, database: acrossTenants(database), leases: held.get(), queues: handled }));
      queueGauges({ ...common, database });
    }
    if (workflows !== undefined) {
      workflows.start();
      started.push(workflows);
    }
    await begin();
    state = 'running';
  }

  async function begin(): Promise<void> {
    if (definition.background === undefined) return;
    using ctx = createContext({ clock, random });
    await definition.background(new HandlerKit(parts, ctx, 'background', undefined));
  }

  async function checkMigrations(): Promise<void> {
    if (database === undefined) return;
    using ctx = contextFromHeaders({}, { clock, random, trusted: true, defaultTimeoutMs: DEFAULT_TIMEOUT_MS });
    const missing = await missingMigrations(ctx, database, definition);
    if (missing.length === 0) return;
    throw fail(
      'MISCONFIGURED',
      `${name}: its database lacks the migrations ${missing.join(', ')}. Apply them with the owner's credentials (migrateService), then start again.`,
    );
  }

  async function close(graceMs: number): Promise<void> {
    const endsAtMs = clock.monotonic() + graceMs;
    const leftMs = () => Math.max(0, endsAtMs - clock.monotonic());
    state = 'draining';
    await starting?.catch(() => {});
    state = 'draining';
    const consumersClosed = Promise.allSettled(started.map((part) => part.close({ graceMs })));
    await work.settled(leftMs());
    state = 'closed';
    for (const ctx of running) ctx.cancel();
    await work.settled(ABORT_GRACE_MS);
    await consumersClosed;
    await held.close({ graceMs: leftMs() }).catch((error: unknown) => {
      telemetry.log.warn(undefined, `${name}: work under a lease has not stopped; its lease lapses`, { error });
    });
    await relay?.close({ graceMs: leftMs() });
  }

  async function handleAnew(request: IncomingRequest): Promise<TransportResponse> {
    const { signal, until } = request;
    const ctx = contextFromHeaders(request.headers, {
      clock,
      random,
      trusted: true,
      signal,
      defaultTimeoutMs: DEFAULT_TIMEOUT_MS,
    });
    const leave = until?.onEnd((reason) => ctx.cancel(reason));
    try {
      return await handleIn(ctx, request);
    } finally {
      leave?.();
      // Not `using`, which costs a microsecond.
      ctx[Symbol.dispose]();
    }
  }

  async function handleIn(ctx: ScopedContext, request: IncomingRequest): Promise<TransportResponse> {
    if (state === 'closed') return problemAnswer(hasShutDown(), ctx, request.path);
    const operation = Object.hasOwn(contract.operations, request.operation)
      ? contract.operations[request.operation]
      : undefined;
    if (operation === undefined) return problemAnswer(unknownOperation(ctx, request), ctx, request.path);
    const slot = running.add(ctx);
    const settled = work.begin();
    try {
      const answer = await way(new Call(ctx, operation, request));
      return { status: answer.status, headers: answer.headers, body: answer.body };
    } finally {
      settled();
      running.remove(slot);
    }
  }

  function hasShutDown() {
    const details = { processed: 'no' };
    const message = `This instance of ${name} has shut down. Repeat the call elsewhere.`;
    return fail('UNAVAILABLE', message, { details, retryAfterMs: 0 });
  }

  function unknownOperation(ctx: Context, { method, operation, path }: IncomingRequest) {
    if (ctx.caller.service === undefined) return notFound(method, path);
    const meant = nearest(operation, Object.keys(contract.operations));
    return fail(
      'NOT_FOUND',
      `${name} has no operation ${operation}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
    );
  }

  const self: ServiceInstance = {
    name,
    definition,
    ports,
    start() {
      starting ??=
        closing === undefined
          ? start()
          : Promise.reject(fail('UNAVAILABLE', `${name} has been closed; make a new instance.`));
      return starting;
    },
    handle: (request) => (request.ctx === undefined ? handleAnew(request) : handleIn(request.ctx, request)),
    async route(call) {
      if (state !== 'closed') return answerRaw(call);
      const answer = problemAnswer(hasShutDown(), call.ctx, new URL(call.request.url).pathname);
      return new Response(answer.body, answer);
    },
    async ready() {
      return readinessOf(state, state === 'closed' ? [] : await look());
    },
    policies: policies.reports,
    ...upkeep({
      source: name,
      consuming: events === undefined && replicas.length === 0 ? undefined : database,
      publishing: publishes ? acrossTenants(database) : undefined,
      views,
      sagas: database && workflows && { database, running: () => workflows.get() },
      queueing: database && (queues !== undefined || deferred !== undefined) ? acrossTenants(database) : undefined,
    }),
    drain() {
      if (state !== 'closed') state = 'draining';
    },
    close(options = {}) {
      closing ??= close(options.graceMs ?? DEFAULT_GRACE_MS);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}
