import type { Clock, Closeable, CloseOptions, Random } from '@fairlead/core';
import { postgresBroker } from '@fairlead/messaging';
import type { ServiceModel } from '@fairlead/platform';
import { createService, localTransport, serveHttp, socketTransport, type ServiceInstance } from '@fairlead/service';
import { openDatabase } from '@fairlead/store';
import { createTelemetry, samplingEnvironment, type Telemetry } from '@fairlead/telemetry';
import type { RuntimeUrls } from './database-setup.ts';
import type { ControlPlane } from './plane/control-plane.ts';
import type { PlatformHome } from './platform-home.ts';
import { gatewayEndpoint } from './process-environment.ts';

/** What the parts of one process share. */
export interface House {
  readonly home: PlatformHome;
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string>>;
}

const decoder = new TextDecoder();

/** Logs to the instance's own file, spans straight into the control plane. */
export function telemetryOf({ home, plane, clock, random, env }: House, service: string): Telemetry {
  return createTelemetry({
    service,
    instance: `${service}-1`,
    clock,
    random,
    logFormat: 'json',
    destination: { write: (text: string) => home.tell(service, text.trimEnd()) },
    otlp: {
      async send(json) {
        plane.receive(JSON.parse(decoder.decode(json)));
      },
    },
    ...samplingEnvironment(env),
  });
}

/** Who else is there for a service of this process. */
export interface Wiring {
  /** Those that run already; the service adds itself. */
  readonly instances: Map<string, ServiceInstance>;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly urls: RuntimeUrls | undefined;
}

/** One service in this process: made, started, and listening on its socket for the gateway. */
export async function startInside(
  house: House,
  service: ServiceModel,
  { instances, endpoints, urls }: Wiring,
): Promise<Closeable> {
  const { clock, random, home, env } = house;
  const { name } = service;
  const closing: ((options?: CloseOptions) => Promise<void>)[] = [];
  const close = async (options?: CloseOptions): Promise<void> => {
    for (const end of closing.toReversed()) await end(options);
  };
  const opened = <T extends Closeable>(part: T): T => {
    closing.push((options) => part.close(options));
    return part;
  };
  try {
    const telemetry = opened(telemetryOf(house, name));
    const tenancy = service.definition.database?.tenancy;
    const outside = opened(
      socketTransport({
        resolve(target) {
          const url = endpoints[target];
          return url === undefined ? undefined : gatewayEndpoint(url);
        },
      }),
    );
    const database =
      urls === undefined ? undefined : opened(openDatabase({ url: urls.runtimeUrl, name, clock, telemetry, tenancy }));
    // Opens a connection when the first lease is asked for.
    const leaseDatabase =
      urls === undefined
        ? undefined
        : opened(openDatabase({ url: urls.runtimeUrl, name: `${name} leases`, clock, telemetry, maxConnections: 4 }));
    const brokerDatabase =
      urls === undefined
        ? undefined
        : opened(openDatabase({ url: urls.brokerUrl, name, clock, telemetry, maxConnections: 4 }));
    const broker = brokerDatabase === undefined ? undefined : opened(postgresBroker({ database: brokerDatabase }));
    const instance = opened(
      createService(service.definition, {
        clock,
        random,
        telemetry,
        transport: localTransport(instances, { otherwise: outside }),
        ...(database === undefined ? {} : { database }),
        ...(leaseDatabase === undefined ? {} : { leaseDatabase }),
        ...(broker === undefined ? {} : { broker }),
        env,
        instance: `${name}-1`,
        policies: service.policies,
      }),
    );
    instances.set(name, instance);
    await instance.start();
    opened(await serveHttp(instance, { listen: { path: home.sockets.socket(name) } }));
  } catch (error) {
    await close({ graceMs: 0 });
    throw error;
  }
  return { close, [Symbol.asyncDispose]: () => close() };
}
