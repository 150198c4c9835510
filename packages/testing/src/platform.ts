import { PGlite } from '@electric-sql/pglite';
import { encodeCall } from '@fairlead/contract';
import {
  contextToHeaders,
  createContext,
  FairleadError,
  isError,
  type Context,
  type Random,
  type VirtualClock,
} from '@fairlead/core';
import { postgresBroker } from '@fairlead/messaging';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { createService, migrateService, type ServiceInstance } from '@fairlead/service';
import { acrossTenants, setAcrossTenants, type Database } from '@fairlead/store';
import { pgliteDatabase } from '@fairlead/store/pglite';
import { recordingTelemetry } from '@fairlead/telemetry';
import { simulatedDatabase } from './database.ts';
import { migrateBroker } from './broker-schema.ts';
import type { Network } from './network.ts';
import { simulatedProcess, type SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';
import { simulatedTransport, type Directory, type ExternalProvider } from './transport.ts';
import type { CallOptions, World } from './world.ts';

/** What a simulated platform stands on. */
export interface SimulatedPlatformOptions {
  readonly model: PlatformModel;
  readonly clock: VirtualClock;
  readonly random: Random & { fork(purpose: string): Random };
  readonly network: Network;
  readonly trace: Trace;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly externals: Readonly<Record<string, ExternalProvider>>;
}

/** A platform whose databases are migrated; its services run after `start`. */
export interface SimulatedPlatform extends AsyncDisposable {
  readonly world: World;
  start(): Promise<void>;
}

/** A service in its present life, and what outlives it. */
interface Slot {
  readonly model: ServiceModel;
  readonly database: Database | undefined;
  process: SimulatedProcess;
  instance: ServiceInstance;
}

/** Makes the databases of `model` and its first processes. */
export async function simulatedPlatform(options: SimulatedPlatformOptions): Promise<SimulatedPlatform> {
  const { model, clock, random, network, trace, externals } = options;
  requireExternals(model, externals);

  const pglite = new PGlite();
  const schema = (name: string, tenancy?: 'rows') => pgliteDatabase({ pglite, schema: name, name, clock, tenancy });
  const brokerSchema = schema('broker');
  const slots = new Map<string, Slot>();
  using setup = createContext({ clock, random: random.fork('setup') });
  await migrateBroker(setup, brokerSchema, model);

  const directory: Directory = (name) => {
    const slot = slots.get(name);
    if (slot) {
      const { process, instance } = slot;
      return process.alive ? { answer: (request) => instance.handle(request), process } : undefined;
    }
    const external = externals[name];
    return external && { answer: external };
  };

  function live(
    service: ServiceModel,
    database: Database | undefined,
    life: number,
  ): Pick<Slot, 'process' | 'instance'> {
    const { name } = service;
    const process = simulatedProcess(name, life, clock, random.fork(`${name}:${life}`));
    const wired = (inner: Database) => {
      const through = (each: Database) => simulatedDatabase(each, process, network, clock, trace);
      const own = through(inner);
      if (acrossTenants(inner) !== inner) setAcrossTenants(own, through(acrossTenants(inner)));
      return own;
    };
    const instance = createService(service.definition, {
      clock: process.clock,
      random: process.random,
      telemetry: recordingTelemetry({ clock: process.clock, random: process.random, service: name }),
      transport: simulatedTransport(process, directory, network, clock, trace),
      ...(database ? { database: wired(database) } : {}),
      broker: postgresBroker({ database: wired(brokerSchema) }),
      env: options.env,
      instance: `${name}-1`,
      policies: service.policies,
    });
    return { process, instance };
  }

  for (const service of model.services) {
    const { tenancy } = service.definition.database ?? {};
    const database = service.database ? schema(service.name, tenancy) : undefined;
    if (database) await migrateService(setup, schema(service.name), service.definition);
    slots.set(service.name, { model: service, database, ...live(service, database, 1) });
  }

  const slotOf = (name: string): Slot => {
    const slot = slots.get(name);
    if (!slot) throw new FairleadError('internal', 'MISCONFIGURED', `simulate: there is no service "${name}".`);
    return slot;
  };

  /** A start that fails ends the process; like any that ends, it is started again. */
  const start = (slot: Slot) => slot.instance.start().catch(() => world.crash(slot.model.name));

  const looks = random.fork('looks');
  const edge = simulatedProcess('edge', 1, clock, random.fork('edge'));
  const edgeTransport = simulatedTransport(edge, directory, network, clock, trace);

  const world: World = {
    clock,
    async call(service, operation, input, caller) {
      const definition = slotOf(service).model.definition.contract.operations[operation];
      if (!definition)
        throw new FairleadError('internal', 'MISCONFIGURED', `simulate: ${service} has no operation "${operation}".`);
      using ctx = edgeContext(clock, edge.random, caller);
      const { path, body } = encodeCall(definition, input as never); // checked against the contract right here
      try {
        const {
          status,
          headers,
          body: text,
        } = await edgeTransport.send(ctx, {
          service,
          operation,
          method: definition.method,
          path,
          headers: {
            ...contextToHeaders(ctx),
            ...(caller.idempotencyKey ? { 'idempotency-key': caller.idempotencyKey } : {}),
          },
          body,
        });
        return { status, headers, body: JSON.parse(text) };
      } catch (error) {
        if (isError(error, 'UNAVAILABLE')) return edgeAnswer(503, 'UPSTREAM_UNAVAILABLE');
        if (isError(error, 'DEADLINE_EXCEEDED')) return edgeAnswer(504, 'UPSTREAM_TIMEOUT');
        throw error;
      }
    },
    sleep: (delayMs) => clock.sleep(delayMs),
    async until(ask, withinMs = 120_000) {
      for (const giveUpAt = clock.now() + withinMs; clock.now() < giveUpAt;) {
        const answer = await ask();
        if (answer !== undefined) return answer;
        await clock.sleep(50);
      }
      throw new FairleadError('deadline', 'DEADLINE_EXCEEDED', `simulate: waited ${withinMs} virtual ms in vain.`);
    },
    crash(service, restartAfterMs = 500) {
      const slot = slotOf(service);
      if (!slot.process.alive) return;
      trace.add(clock.now(), 'crash', service, slot.process.life);
      slot.process.kill();
      clock.setTimer(restartAfterMs, () => {
        trace.add(clock.now(), 'restart', service, slot.process.life + 1);
        Object.assign(slot, live(slot.model, slot.database, slot.process.life + 1));
        void start(slot);
      });
    },
    lose: (loss) => network.planLoss(loss),
    async look(service, sql, params) {
      const { database } = slotOf(service);
      if (!database)
        throw new FairleadError('internal', 'MISCONFIGURED', `simulate: ${service} has no database to look into.`);
      // The caller names the row type of its own statement.
      using ctx = createContext({ clock, random: looks });
      return (await schema(service).query(ctx, sql, params)).rows as never;
    },
  };

  return {
    world,
    start: async () => void (await Promise.all([...slots.values()].map(start))),
    async [Symbol.asyncDispose]() {
      for (const { process } of slots.values()) process.kill();
      await pglite.close();
    },
  };
}

/** What the gateway says in a service's place; the caller named the type of a body that it may not get. */
function edgeAnswer(status: number, code: string) {
  return { status, headers: {}, body: { code } as never };
}

function edgeContext(clock: VirtualClock, random: Random, caller: CallOptions): Context & Disposable {
  return createContext({
    clock,
    random,
    timeoutMs: 10_000,
    tenant: caller.tenant,
    caller: { service: 'gateway', subject: caller.subject, roles: caller.roles ?? [] },
  });
}

function requireExternals(model: PlatformModel, given: Readonly<Record<string, ExternalProvider>>): void {
  const missing = model.externals.filter(({ name }) => !given[name]).map(({ name }) => name);
  if (missing.length === 0) return;
  throw new FairleadError(
    'internal',
    'MISCONFIGURED',
    `simulate: nothing stands in for ${missing.join(', ')}. Pass externals: { ${missing[0]}: (clock) => … }.`,
  );
}
