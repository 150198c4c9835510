/**
 * The topology `processes`: one OS process a service, gateway, control plane, externals and an embedded Postgres.
 *
 * - `platform-home.ts`: data directory, lock, leftovers, ports, sockets' folder
 * - `database-setup.ts`: databases, roles, migrations
 * - `process-fleet.ts`: which program runs with which environment
 * - `supervisor/`: one instance kept up; processes, logs, lock, state file
 * - `drain.ts`: the order of the end
 * - `plane/`, `main.ts`: the control process
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, realClock, realRandom, type CloseOptions } from '@fairlead/core';
import type { PlatformModel } from '@fairlead/platform';
import { adminClient } from './admin-client.ts';
import { setUpDatabases } from './database-setup.ts';
import { drain } from './drain.ts';
import { openHome } from './platform-home.ts';
import { splitExternals } from './process-environment.ts';
import { processFleet } from './process-fleet.ts';
import type { InstanceStatus, ProcessesOptions, RunningPlatform } from './running-platform.ts';
import { postgresLaunch } from './supervisor/postgres-launch.ts';
import { identify } from './supervisor/process-identity.ts';
import { removeState, stateWriter } from './supervisor/state-file.ts';
import type { SupervisedInstance } from './supervisor/supervised-instance.ts';

/** What a start that failed grants each kind of instance to end, in milliseconds. */
const FAILED_START_GRACE_MS = 2_000;

/**
 * Starts a platform as processes and resolves once every one of them is ready. Afterwards each is started again when
 * it ends unasked, whatever ended it. A killed supervisor leaves nothing but the database, which the next start on the
 * same data directory ends.
 * @throws DATA_DIR_LOCKED, PORT_IN_USE, SOCKET_PATH_TOO_LONG before anything is started
 * @throws INSTANCE_FAILED when an instance keeps ending before the platform was ready; everything is ended again
 */
export async function startProcesses(model: PlatformModel, options: ProcessesOptions): Promise<RunningPlatform> {
  const clock = realClock();
  const random = realRandom();
  const { gatewayPort = 8080, adminPort = 8081, onEvent = () => undefined } = options;
  options.signal?.throwIfAborted();
  const began = clock.monotonic();
  const onStage = (stage: string, durationMs: number): void => onEvent({ event: 'stage', stage, durationMs });
  const sinceBegin = (stage: string): void => onStage(stage, clock.monotonic() - began);

  const home = await openHome({
    dataDir: options.dataDir,
    gatewayPort,
    adminPort,
    socketNames: ['control', ...model.services.map(({ name }) => name)],
    clock,
    onEvent,
  });
  const { data, sockets } = home;
  onStage('home', clock.monotonic() - began);

  const instances: SupervisedInstance[] = [];
  const me = (await identify(process.pid)) ?? { pid: process.pid, started: '' };
  const status = (): readonly InstanceStatus[] => instances.map((instance) => instance.status());
  const urlOf = (name: string): string | undefined => status().find((instance) => instance.name === name)?.url;
  const state = stateWriter(
    data.path,
    () => ({
      version: 1,
      platform: model.name,
      supervisor: me,
      socketDir: sockets.path,
      gatewayUrl: urlOf('gateway'),
      adminUrl: urlOf('control'),
      instances: status(),
    }),
    (error) =>
      home.tell(
        'supervisor',
        `state.json could not be written: ${error instanceof Error ? error.message : String(error)}`,
      ),
  );

  /** The control plane learns of every change, and of all of them when it is ready again. */
  function onChange(instance: InstanceStatus): void {
    state.touch();
    instances.find(({ kind }) => kind === 'control')?.send({ type: 'instances', instances: status() });
    onEvent({ event: 'state', instance });
  }

  const fleet = processFleet({
    model,
    home,
    env: options.env ?? process.env,
    clock,
    random,
    readyTimeoutMs: options.readyTimeoutMs ?? 20_000,
    onChange,
    onExit: (name, exit) => onEvent({ event: 'exit', name, exit }),
  });
  const add = (instance: SupervisedInstance): SupervisedInstance => {
    instances.push(instance);
    return instance;
  };

  const givenUp = new AbortController();
  const signal = options.signal === undefined ? givenUp.signal : AbortSignal.any([givenUp.signal, options.signal]);
  const externals = splitExternals(model);
  const endpoints: Record<string, string> = { ...externals.given };
  for (const { name } of model.services) endpoints[name] = `unix:${sockets.socket(name)}`;

  /** A superuser's connection string: of the server that was given, or of one that is started. */
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
    await add(fleet.supervise('postgres', 'database', launch)).start();
    sinceBegin('postgres');
    return adminUrl.promise;
  }

  async function startDatabases(): Promise<ReadonlyMap<string, { runtimeUrl: string; brokerUrl: string }>> {
    if (!model.services.some(({ database }) => database)) return new Map();
    const adminUrl = await databaseServer();
    using ctx = createContext({ clock, random, signal });
    return await setUpDatabases(ctx, model, { adminUrl, data, clock, onStage });
  }

  async function startExternals(): Promise<void> {
    const started = externals.run.map(async (external) => {
      const instance = add(fleet.external(external));
      await instance.start();
      endpoints[external.name] = instance.status().url ?? '';
    });
    await Promise.all(started);
    if (started.length > 0) sinceBegin('externals');
  }

  async function startControl(): Promise<void> {
    await add(fleet.control(adminPort)).start();
    sinceBegin('control');
  }

  async function startAll(): Promise<void> {
    const control = startControl();
    const [urls] = await Promise.all([startDatabases(), startExternals()]);
    signal.throwIfAborted();
    const services = model.services.map((service) =>
      add(fleet.service(service, { urls: urls.get(service.name), endpoints })),
    );
    const gateway = add(fleet.gateway(gatewayPort, endpoints));
    await Promise.all([control, ...services.map((service) => service.start()), gateway.start()]);
    sinceBegin('ready');
  }

  let closed: Promise<void> | undefined;
  function close(closeOptions?: CloseOptions): Promise<void> {
    // Asked again for an immediate end (a second Ctrl-C): what is being drained is ended by force.
    if (closed !== undefined && closeOptions?.graceMs === 0)
      return Promise.all([closed, drain(instances, closeOptions)]).then(() => undefined);
    closed ??= leave(closeOptions);
    return closed;
  }

  async function leave(closeOptions?: CloseOptions): Promise<void> {
    try {
      await drain(instances, closeOptions);
    } finally {
      await state.flush();
      await removeState(data.path);
      await home.close();
    }
  }

  const starting = startAll();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  try {
    await Promise.race([starting, aborted]);
  } catch (error) {
    givenUp.abort(error);
    await drain(instances, { graceMs: FAILED_START_GRACE_MS }).catch(() => undefined);
    await starting.catch(() => undefined);
    await close({ graceMs: 0 });
    throw error;
  }
  aborted.catch(() => undefined);
  return running({ home, urlOf, endpoints, status, close });
}

interface RunningParts {
  readonly home: { readonly adminToken: string };
  readonly urlOf: (name: string) => string | undefined;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly status: () => readonly InstanceStatus[];
  readonly close: (options?: CloseOptions) => Promise<void>;
}

function running({ home, urlOf, endpoints, status, close }: RunningParts): RunningPlatform {
  const adminUrl = urlOf('control') ?? '';
  const admin = adminClient({ url: adminUrl, credential: home.adminToken });
  return {
    gatewayUrl: urlOf('gateway') ?? '',
    adminUrl,
    adminToken: home.adminToken,
    endpoints: { ...endpoints },
    status,
    token: (request) => admin.token(request).then(({ token }) => token),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
