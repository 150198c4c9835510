import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createContext, lifecycle, realClock, realLoopDelay, realRandom } from '@fairlead/core';
import { postgresBroker } from '@fairlead/messaging';
import { createTelemetry, otlpTarget, samplingEnvironment } from '@fairlead/telemetry';
import type { ServiceDefinition } from './definition.ts';
import { fail } from './errors.ts';
import { endpointLine } from './endpoint-line.ts';
import { processDatabases } from './process-databases.ts';
import { PROCESS_CONFIG } from './process-options.ts';
import { readConfig } from './read-config.ts';
import { serveHttp, type HttpServer } from './serve-http.ts';
import { createService } from './service.ts';
import { socketTransport } from './socket-transport.ts';

/** A service that runs as a process. */
export interface RunningService {
  readonly url: string;
  /** Drains and closes everything, in order. Idempotent. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * Runs the service that the environment names, on real time, sockets and databases.
 * @throws MISCONFIGURED when the environment, the module or the service's own configuration is wrong
 */
export async function runService(env: Readonly<Record<string, string | undefined>>): Promise<RunningService> {
  const clock = realClock();
  const random = realRandom();
  const secrets: string[] = [];
  const name = env['FAIRLEAD_SERVICE_NAME'] ?? 'service';
  const config = readConfig(PROCESS_CONFIG, { service: name, env, onSecret: (value) => secrets.push(value) });
  const definition = await load(config.module, config.name);
  const instance = config.instance ?? `${config.name}-1`;
  const telemetry = createTelemetry({
    service: config.name,
    instance,
    clock,
    random,
    logLevel: config.logLevel,
    processMetrics: true,
    redact: { values: secrets },
    otlp: otlpTarget(env),
    ...samplingEnvironment(env),
  });

  // Opened here, so closed here: what is added first stops last.
  const parts = lifecycle({ clock });
  const open = <T extends { close(options?: { readonly graceMs?: number }): Promise<void> }>(
    part: string,
    value: T,
    dependsOn: readonly string[],
  ): T => {
    parts.add({ name: part, dependsOn, stop: (options) => value.close(options) });
    return value;
  };
  open('telemetry', telemetry, []);
  const opened = processDatabases({ ...config, clock, telemetry, tenancy: definition.database?.tenancy });
  const database = opened.database && open('database', opened.database, ['telemetry']);
  const leaseDatabase = opened.leaseDatabase && open('lease database', opened.leaseDatabase, ['telemetry']);
  const brokerDatabase = opened.brokerDatabase && open('broker database', opened.brokerDatabase, ['telemetry']);
  const broker = brokerDatabase && open('broker', postgresBroker({ database: brokerDatabase }), ['broker database']);
  const transport = open(
    'transport',
    socketTransport({
      resolve: (service) => config.endpoints.get(service),
      observe: (service, event) => endpointLine(telemetry.log, service, event),
    }),
    ['telemetry'],
  );
  const loopDelay = realLoopDelay();
  parts.add({ name: 'loop delay', dependsOn: [], stop: async () => loopDelay[Symbol.dispose]() });
  let server: HttpServer | undefined;
  parts.add({
    name: 'service',
    dependsOn: [
      'telemetry',
      'transport',
      'loop delay',
      ...(database ? ['database'] : []),
      ...(leaseDatabase ? ['lease database'] : []),
      ...(broker ? ['broker'] : []),
    ],
    async start() {
      const ports = {
        clock,
        random,
        telemetry,
        transport,
        env,
        instance,
        policies: config.policies,
        loopDelayMs: loopDelay.delayMs,
        ...(database ? { database } : {}),
        ...(leaseDatabase ? { leaseDatabase } : {}),
        ...(broker ? { broker } : {}),
      };
      const service = createService(definition, ports);
      try {
        await service.start();
        server = await serveHttp(service, { listen: config.listen, clock });
      } catch (error) {
        await service.close({ graceMs: 0 });
        throw error;
      }
    },
    stop: (options) => server?.close(options),
  });

  using ctx = createContext({ clock, random });
  await parts.start(ctx);
  // `start` made it, or threw.
  const url = server?.url ?? '';
  telemetry.log.info(undefined, `${config.name} is ready at ${url}`);
  return { url, close: (options) => parts.close(options) };
}

async function load(module: string, name: string): Promise<ServiceDefinition> {
  const url = isAbsolute(module) ? pathToFileURL(module).href : module;
  const loaded: unknown = await import(url);
  const definition: unknown =
    typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
  if (!isDefinition(definition)) {
    throw fail(
      'MISCONFIGURED',
      `${module} is no service: its default export does not come from defineService. Write export default defineService({ … }).`,
    );
  }
  if (definition.contract.name !== name) {
    throw fail(
      'MISCONFIGURED',
      `${module} is the service ${definition.contract.name}, not ${name}. Name it so in the blueprint, or name the right module.`,
    );
  }
  return definition;
}

function isDefinition(value: unknown): value is ServiceDefinition {
  return typeof value === 'object' && value !== null && 'contract' in value && 'operations' in value;
}
