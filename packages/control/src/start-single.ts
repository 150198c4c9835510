/**
 * The topology `single`: every service, the gateway and the control plane in this process, calls between services in
 * memory (still validated, still copied as JSON). The embedded Postgres and externals are processes of their own, as
 * they are everywhere.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createContext,
  realClock,
  realRandom,
  type Closeable,
  type CloseOptions,
  type Clock,
  type Random,
} from '@fairlead/core';
import { postgresBroker } from '@fairlead/messaging';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { startGateway } from '@fairlead/proxy';
import { createService, localTransport, serveHttp, socketTransport, type ServiceInstance } from '@fairlead/service';
import { openDatabase } from '@fairlead/store';
import { createTelemetry, type Telemetry } from '@fairlead/telemetry';
import { setUpDatabases, type RuntimeUrls } from './database-setup.ts';
import { describedExternals } from './described-externals.ts';
import { drain } from './drain.ts';
import { platformIdentity } from './identity.ts';
import { serveAdmin } from './plane/admin-server.ts';
import { auditLine, type AuditEntry } from './plane/audit.ts';
import { openControlPlane, type ControlPlane } from './plane/control-plane.ts';
import { openHome, type PlatformHome } from './platform-home.ts';
import { baseEnvironment, gatewayEndpoint, splitExternals } from './process-environment.ts';
import { processFleet } from './process-fleet.ts';
import type { InstanceKind, InstanceStatus, RunningPlatform, SingleOptions } from './running-platform.ts';
import { postgresLaunch } from './supervisor/postgres-launch.ts';
import { identify } from './supervisor/process-identity.ts';
import { removeState, stateWriter } from './supervisor/state-file.ts';
import type { SupervisedInstance } from './supervisor/supervised-instance.ts';

/** What the parts of one process share. */
interface House {
  readonly model: PlatformModel;
  readonly home: PlatformHome;
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string>>;
}

/** Logs to the instance's own file, spans straight into the control plane. */
function telemetryOf({ home, plane, clock, random }: House, service: string): Telemetry {
  return createTelemetry({
    service,
    instance: `${service}-1`,
    clock,
    random,
    logFormat: 'json',
    destination: { write: (text: string) => home.tell(service, text.trimEnd()) },
    otlp: {
      async send(json) {
        plane.receive(JSON.parse(json));
      },
    },
  });
}

interface Wiring {
  readonly instances: Map<string, ServiceInstance>;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly urls: RuntimeUrls | undefined;
}

/** One service in this process: made, started, and listening on its socket for the gateway. */
async function startService(
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
    const outside = opened(
      socketTransport({
        resolve(target) {
          const url = endpoints[target];
          return url === undefined ? undefined : gatewayEndpoint(url);
        },
      }),
    );
    const database =
      urls === undefined ? undefined : opened(openDatabase({ url: urls.runtimeUrl, name, clock, telemetry }));
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
        ...(broker === undefined ? {} : { broker }),
        env,
        instance: `${name}-1`,
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

/**
 * Starts a platform in this process and resolves once it takes requests. A crash of this process is a crash of all of
 * it; the database and externals are started again when they end.
 * @throws DATA_DIR_LOCKED, PORT_IN_USE, SOCKET_PATH_TOO_LONG before anything is started
 * @throws INSTANCE_FAILED when the database or an external keeps ending
 */
export async function startSingle(model: PlatformModel, options: SingleOptions): Promise<RunningPlatform> {
  const clock = realClock();
  const random = realRandom();
  const { gatewayPort = 8080, adminPort = 8081, onEvent = () => undefined } = options;
  options.signal?.throwIfAborted();
  const home = await openHome({
    dataDir: options.dataDir,
    gatewayPort,
    adminPort,
    socketNames: model.services.map(({ name }) => name),
    clock,
    onEvent,
  });
  const { data, sockets } = home;
  const supervised: SupervisedInstance[] = [];
  const inside = new Map<string, InstanceStatus>();
  /** What to close, the last first. */
  const parts: Closeable[] = [];
  const me = (await identify(process.pid)) ?? { pid: process.pid, started: '' };
  const status = (): readonly InstanceStatus[] => [
    ...supervised.map((instance) => instance.status()),
    ...inside.values(),
  ];
  const urls = { gateway: undefined as string | undefined, admin: undefined as string | undefined };
  const state = stateWriter(
    data.path,
    () => ({
      version: 1,
      platform: model.name,
      supervisor: me,
      socketDir: sockets.path,
      gatewayUrl: urls.gateway,
      adminUrl: urls.admin,
      instances: supervised.map((instance) => instance.status()),
    }),
    (error) =>
      home.tell(
        'supervisor',
        `state.json could not be written: ${error instanceof Error ? error.message : String(error)}`,
      ),
  );
  const plane = await openControlPlane({
    platform: model.name,
    secretsDir: join(data.path, 'secrets'),
    tenants: model.tenants.map(({ id }) => id),
    externals: describedExternals(model),
    clock,
    random,
  });
  const house: House = { model, home, plane, clock, random, env: baseEnvironment(options.env ?? process.env) };

  function onChange(instance: InstanceStatus): void {
    state.touch();
    plane.setInstances(status());
    onEvent({ event: 'state', instance });
  }
  function here(name: string, kind: InstanceKind, url: string): void {
    const instance: InstanceStatus = {
      name,
      kind,
      state: 'ready',
      pid: process.pid,
      url,
      restarts: 0,
      since: clock.now(),
      lastExit: undefined,
    };
    inside.set(name, instance);
    onChange(instance);
  }
  const fleet = processFleet({
    model,
    home,
    env: options.env ?? process.env,
    clock,
    random,
    readyTimeoutMs: 20_000,
    onChange,
    onExit: (name, exit) => onEvent({ event: 'exit', name, exit }),
  });

  async function databaseServer(): Promise<string> {
    if (options.postgresUrl !== undefined) return options.postgresUrl;
    const socketDir = join(sockets.path, 'postgres');
    await mkdir(socketDir, { mode: 0o700 });
    const adminUrl = Promise.withResolvers<string>();
    const launch = postgresLaunch({
      dataDir: data.postgres,
      socketDir,
      clock,
      onLine: (line) => home.tell('postgres', line),
      onStarted: (postgres) => adminUrl.resolve(postgres.adminUrl),
    });
    const instance = fleet.supervise('postgres', 'database', launch);
    supervised.push(instance);
    await instance.start();
    return adminUrl.promise;
  }

  async function closeInside(closeOptions?: CloseOptions): Promise<void> {
    for (const part of parts.splice(0).toReversed()) await part.close(closeOptions);
  }

  async function leave(closeOptions?: CloseOptions): Promise<void> {
    try {
      await closeInside(closeOptions);
      await drain(supervised, closeOptions);
    } finally {
      inside.clear();
      await state.flush();
      await removeState(data.path);
      await home.close();
    }
  }
  let closed: Promise<void> | undefined;
  const close = (closeOptions?: CloseOptions): Promise<void> => (closed ??= leave(closeOptions));

  const { run, given } = splitExternals(model);
  const endpoints: Record<string, string> = { ...given };
  for (const { name } of model.services) endpoints[name] = `unix:${sockets.socket(name)}`;
  try {
    const onInternal = (error: unknown): void =>
      home.tell('control', error instanceof Error ? (error.stack ?? error.message) : String(error));
    const audit = (entry: AuditEntry): void => home.tell('control', auditLine(entry, clock.now()));
    const admin = await serveAdmin(plane, { port: adminPort, credential: home.adminToken, onInternal, audit });
    parts.push(admin);
    urls.admin = admin.url;
    here('control', 'control', admin.url);

    const startExternals = run.map(async (external) => {
      const instance = fleet.external(external);
      supervised.push(instance);
      await instance.start();
      endpoints[external.name] = instance.status().url ?? '';
    });
    const startDatabases = async (): Promise<ReadonlyMap<string, RuntimeUrls>> => {
      if (!model.services.some(({ database }) => database)) return new Map();
      const adminUrl = await databaseServer();
      using ctx = createContext({ clock, random, signal: options.signal });
      return await setUpDatabases(ctx, model, {
        adminUrl,
        data,
        clock,
        onStage: (stage, durationMs) => onEvent({ event: 'stage', stage, durationMs }),
      });
    };
    const [serviceUrls] = await Promise.all([startDatabases(), ...startExternals]);
    const instances = new Map<string, ServiceInstance>();
    for (const service of model.services) {
      options.signal?.throwIfAborted();
      parts.push(await startService(house, service, { instances, endpoints, urls: serviceUrls.get(service.name) }));
      here(service.name, 'service', endpoints[service.name] ?? '');
    }
    const telemetry = telemetryOf(house, 'gateway');
    parts.push(telemetry);
    const gateway = await startGateway({
      listen: { host: '127.0.0.1', port: gatewayPort },
      routes: model.routes,
      endpoints: Object.fromEntries(Object.entries(endpoints).map(([name, url]) => [name, gatewayEndpoint(url)])),
      jwks: async () => plane.tokens.jwks,
      tenants: model.tenants.map(({ id }) => id),
      ...platformIdentity(model.name),
      telemetry,
      clock,
      random,
    });
    parts.push(gateway);
    urls.gateway = gateway.url;
    here('gateway', 'gateway', gateway.url);
    return {
      gatewayUrl: gateway.url,
      adminUrl: admin.url,
      adminToken: home.adminToken,
      endpoints: { ...endpoints },
      status,
      token: (request) => plane.tokens.issue(request).then(({ token }) => token),
      close,
      [Symbol.asyncDispose]: () => close(),
    };
  } catch (error) {
    await close({ graceMs: 0 }).catch(() => undefined);
    throw error;
  }
}
