import type { Contract } from '@fairlead/contract';
import { sagas, type RunningSagas, type SagaContext, type Sagas, type SagaSet } from '@fairlead/events';
import { leases } from '@fairlead/store';
import type { ConfigShape } from './config.ts';
import type { ServiceDefinition } from './definition.ts';
import { fail } from './errors.ts';
import { commitTx, HandlerKit, type KitParts } from './handler-kit.ts';
import type { JobInputs } from './jobs.ts';
import type { CommitTx, Kit, Uses } from './kit.ts';
import type { ServicePorts } from './service-instance.ts';

/**
 * What the function of a service's saga is given: its steps get the service's kit, its transactions publish. Written with
 * the service's own contract and what it uses: `saga('checkout', async (s: ServiceSagaContext<typeof contract, typeof uses>, …`.
 */
export type ServiceSagaContext<
  C extends Contract,
  // An empty shape is what "uses nothing" and "no config" mean: no key is known then.
  U extends Uses = {},
  Config extends ConfigShape = {},
  J extends JobInputs = JobInputs,
> = SagaContext<Kit<Config, U, J>, CommitTx<C>>;

/** The sagas of one instance of a service. */
export interface ServiceSagas {
  /** @throws UNAVAILABLE before `start` */
  get(): Sagas;
  /** Begins to run them. */
  start(): void;
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** A dead instance's runs go on elsewhere after this and a second, in milliseconds. */
const LEASE_MS = 3_000;

/** The sagas of a definition; `undefined` when it has none. */
export function serviceSagas(
  { contract, sagas: set = {} }: { readonly contract: Contract; readonly sagas?: SagaSet },
  ports: ServicePorts,
  parts: () => KitParts,
): ServiceSagas | undefined {
  const { database, clock, random, telemetry, instance } = ports;
  if (Object.keys(set).length === 0 || database === undefined) return undefined;
  let running: { readonly sagas: RunningSagas<SagaSet>; readonly held: ReturnType<typeof leases> } | undefined;
  return {
    get() {
      if (running !== undefined) return running.sagas;
      throw fail('UNAVAILABLE', `${contract.name} runs no sagas yet: it has not started.`);
    },
    start() {
      const world = { clock, random, telemetry };
      // Of their own: they lapse sooner than others may want.
      const held = leases({ ...world, database: ports.leaseDatabase ?? database, holder: instance, ttlMs: LEASE_MS });
      running = {
        held,
        sagas: sagas({
          ...world,
          database,
          leases: held,
          sagas: set,
          kitFor: (ctx, saga, step) => new HandlerKit(parts(), ctx, `${saga}.${step}`, undefined),
          txFor: (tx) => commitTx(parts(), tx),
        }),
      };
    },
    async close(options) {
      await running?.sagas.close(options);
      await running?.held.close(options);
    },
  };
}

/** Whoever asks for sagas of a service that has none. */
export function noSagas({ contract }: Pick<ServiceDefinition, 'contract'>): never {
  throw fail('MISCONFIGURED', `${contract.name} has no sagas. Add sagas: { … } to its definition.`);
}
