// Services with real databases, in this process and in real time, for tests of what they do (simulate.ts is for what
// goes wrong between them): test-service.ts is what a test sees of one, fake.ts stands in for those that don't run,
// memory-broker.ts carries events, delivery.ts hands over single ones.
import { decodeOutput, encodeCall, type Contract, type EventName, type Operation } from '@fairlead/contract';
import {
  contextToHeaders,
  createContext,
  errorFromProblem,
  FairleadError,
  realClock,
  realRandom,
  uuidV7,
  type ScopedContext,
  type Transport,
} from '@fairlead/core';
import { MESSAGING_MIGRATIONS } from '@fairlead/messaging';
import {
  createService,
  localTransport,
  SERVICE_MIGRATIONS,
  type ConfigShape,
  type ServiceDefinition,
  type ServiceInstance,
  type Uses,
} from '@fairlead/service';
import { logReader, type Database } from '@fairlead/store';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { deliver, LOOK_EVERY_MS, LOOK_FOR_MS } from './delivery.ts';
import { missing, type Fake } from './fake.ts';
import { memoryBroker, type MemoryBroker } from './memory-broker.ts';
import type { TestCaller, TestService } from './test-service.ts';

/** What surrounds the services of a test. */
export interface TestPlatformOptions {
  /** Stand-ins for what they use and the test does not run. Default: none, so a call to anything else fails. */
  readonly fakes?: readonly Fake[];
  /** Environment variables that their configuration is read from. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Services that run together in one process. */
export interface TestPlatform extends AsyncDisposable {
  /** One of them. @throws SERVICE_UNKNOWN when it was not given to `testPlatform` */
  service<C extends Contract, Config extends ConfigShape, U extends Uses>(
    definition: ServiceDefinition<C, Config, U>,
  ): TestService<C, U>;
  /** Asks until there is an answer, such as for what an event changes elsewhere. @throws DEADLINE_EXCEEDED after 10 s */
  until<T>(ask: () => Promise<T | undefined>): Promise<T>;
}

/** A definition whatever its types. */
// oxlint-disable-next-line typescript/no-explicit-any -- a definition takes its own types in and gives them out, so no narrower type holds all
type AnyDefinition = ServiceDefinition<any, any, any>;

/**
 * Runs services together in this process: each on a database of its own (a copy of a migrated template, about 70 ms),
 * calls as JSON in memory, events from commit to commit. Real time, real Postgres, no sockets.
 *
 * @throws what their definitions, configuration and migrations throw
 * @throws FAKE_UNUSED when a fake stands in for something that none of them uses, or that runs itself
 */
export async function testPlatform(
  definitions: readonly AnyDefinition[],
  options: TestPlatformOptions = {},
): Promise<TestPlatform> {
  const fakes = new Map((options.fakes ?? []).map((one) => [one.contract.name, one]));
  requireUses(definitions, [...fakes.keys()]);
  const clock = realClock();
  const random = realRandom();
  const broker = memoryBroker();
  const instances = new Map<string, ServiceInstance>();
  const services = new Map<AnyDefinition, TestService>();
  await using held = new AsyncDisposableStack();
  const ctx = held.use(createContext({ clock, random, tenant: 'acme' }));
  const transport = localTransport(instances, { otherwise: faked(fakes, { clock, random }) });

  const databases = await Promise.all(definitions.map(databaseOf));
  for (const database of databases) if (database !== undefined) held.use(database);
  for (const [index, definition] of definitions.entries()) {
    const { name } = definition.contract;
    const failures = new Map<string, unknown>();
    const telemetry = recordingTelemetry({ clock, random, service: name });
    const database = databases[index]?.database;
    const instance = createService(observed(definition, failures), {
      clock,
      random,
      telemetry,
      transport,
      ...(database === undefined ? {} : { database }),
      broker: broker.as(name, sourcesOf(definition)),
      env: options.env ?? {},
      instance: `${name}-1`,
    });
    instances.set(name, instance);
    const parts = { definition, instance, database, broker, ctx, telemetry, failures };
    services.set(definition, testedService(parts));
  }
  for (const instance of instances.values()) {
    held.defer(() => instance.close({ graceMs: 1_000 }));
    await instance.start();
  }

  const stack = held.move();
  return {
    service(definition) {
      const found = services.get(definition);
      if (found === undefined) {
        throw new FairleadError(
          'internal',
          'SERVICE_UNKNOWN',
          `${definition.contract.name} does not run in this test; give its definition to testPlatform.`,
        );
      }
      // It was made from this very definition.
      return found as never;
    },
    async until(ask) {
      for (const giveUpAtMs = clock.monotonic() + LOOK_FOR_MS; clock.monotonic() < giveUpAtMs;) {
        const answer = await ask();
        if (answer !== undefined) return answer;
        await clock.sleep(LOOK_EVERY_MS);
      }
      throw new FairleadError('deadline', 'DEADLINE_EXCEEDED', `Waited ${LOOK_FOR_MS} ms in vain.`);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/**
 * Runs one service in this process, in milliseconds once the test run's Postgres is up: its own code on a database of
 * its own, with its real validation, idempotency, transactions, relay and consumers. What it calls is faked.
 *
 * @throws as `testPlatform` does
 */
export async function testService<C extends Contract, Config extends ConfigShape, U extends Uses>(
  definition: ServiceDefinition<C, Config, U>,
  options: TestPlatformOptions = {},
): Promise<TestService<C, U> & AsyncDisposable> {
  const platform = await testPlatform([definition], options);
  return Object.assign(platform.service(definition), {
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  });
}

async function databaseOf(definition: AnyDefinition): Promise<TestDatabase | undefined> {
  if (definition.database === undefined) return undefined;
  return testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: definition.contract.name, from: definition.database.migrations },
    ],
  });
}

function sourcesOf(definition: ServiceDefinition): string[] {
  return Object.values(definition.uses ?? {}).map(({ name }) => name);
}

/** The definition with handlers that note what they throw, by request id: callers are told nothing of a bug. */
function observed(definition: ServiceDefinition, failures: Map<string, unknown>): ServiceDefinition {
  const operations = Object.entries(definition.operations).map(([name, handle]) => [
    name,
    async (...[ctx, input, kit]: Parameters<typeof handle>) => {
      try {
        return await handle(ctx, input, kit);
      } catch (error) {
        failures.set(ctx.requestId, error);
        throw error;
      }
    },
  ]);
  return { ...definition, operations: Object.fromEntries(operations) };
}

function faked(fakes: ReadonlyMap<string, Fake>, ports: Parameters<Fake['handle']>[1]): Transport {
  return {
    async send(_ctx, request) {
      const found = fakes.get(request.service);
      if (found === undefined) throw missing(request.service, request.operation);
      return found.handle(request, ports);
    },
  };
}

interface Parts {
  readonly definition: ServiceDefinition;
  readonly instance: ServiceInstance;
  readonly database: Database | undefined;
  readonly broker: MemoryBroker;
  readonly ctx: ScopedContext;
  readonly telemetry: TestService['telemetry'];
  readonly failures: Map<string, unknown>;
}

function testedService(parts: Parts): TestService {
  const { definition, instance, ctx, telemetry } = parts;
  const { contract } = definition;
  const database = (): Database => {
    if (parts.database !== undefined) return parts.database;
    throw new FairleadError('internal', 'NO_DATABASE', `${contract.name} has no database: its definition names none.`);
  };
  const call = Object.values(contract.operations).map((operation) => [
    operation.name,
    (input: never, caller: TestCaller = {}) => callOperation(parts, operation, input, caller),
  ]);
  return {
    call: Object.fromEntries(call),
    instance,
    ctx,
    telemetry,
    get database() {
      return database();
    },
    async published<Type extends EventName<Contract>>(type: Type) {
      const reader = logReader(database());
      const found = await reader.read(ctx, { after: 0n, limit: MAX_EVENTS });
      // What is not private has been checked against the contract.
      return found.filter((event) => event.type === type && event.private !== true) as never;
    },
    async deliver(alias, type, data, caller = {}) {
      const { clock, random } = instance.ports;
      using scope = createContext({ clock, random, tenant: caller.tenant ?? 'acme' });
      const source = definition.uses?.[alias]?.name ?? alias;
      const broker = parts.broker.as(source, []);
      await deliver(scope, { definition, database: database(), broker, clock, random }, alias, type, data);
    },
  };
}

/** More than a test publishes. */
const MAX_EVENTS = 10_000;

async function callOperation(parts: Parts, operation: Operation, input: never, caller: TestCaller): Promise<unknown> {
  const { instance, failures } = parts;
  const { clock, random } = instance.ports;
  const key = caller.idempotencyKey ?? (operation.idempotencyKey === undefined ? undefined : uuidV7({ clock, random }));
  using ctx = createContext({
    clock,
    random,
    timeoutMs: caller.timeoutMs ?? 10_000,
    tenant: caller.tenant ?? 'acme',
    caller: {
      service: caller.service ?? (operation.visibility === 'public' ? 'gateway' : 'test'),
      subject: caller.subject ?? 'ada',
      roles: caller.roles ?? [],
    },
  });
  const answer = await instance.handle({
    service: instance.name,
    operation: operation.name,
    method: operation.method,
    ...encodeCall(operation, input),
    headers: {
      ...contextToHeaders(ctx),
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
  });
  if (answer.status < 400) return decodeOutput(operation, answer.body);
  const told = errorFromProblem(JSON.parse(answer.body), answer.status);
  throw withReason(told, failures.get(ctx.requestId));
}

/** What the caller was told and, where that is nothing, what really happened. */
function withReason(told: FairleadError, reason: unknown): FairleadError {
  if (reason === undefined || (reason instanceof FairleadError && reason.code === told.code)) return told;
  const text = reason instanceof Error ? reason.message : JSON.stringify(reason);
  return new FairleadError(told.kind, told.code, `${told.message} The handler failed with: ${text}`, {
    cause: reason,
    details: told.details,
  });
}

function requireUses(definitions: readonly AnyDefinition[], faked: readonly string[]): void {
  const running = definitions.map(({ contract }) => contract.name);
  const used = new Set(definitions.flatMap(sourcesOf));
  const surplus = faked.find((name) => running.includes(name) || !used.has(name));
  if (surplus === undefined) return;
  const why = running.includes(surplus) ? 'it runs in this test itself' : 'no service of this test uses it';
  const open = [...used].filter((name) => !running.includes(name));
  throw new FairleadError(
    'internal',
    'FAKE_UNUSED',
    `The fake of ${surplus} would never be asked: ${why}. Used and not running: ${open.join(', ') || 'none'}.`,
  );
}
