import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, realClock, realRandom, type Clock, type CloseOptions, type Random } from '@fairlead/core';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { samplingEnvironment } from '@fairlead/telemetry';
import { migratePlatform, provisionPlatform, setUpDatabases, type RuntimeUrls } from './database-setup.ts';
import { drain } from './drain.ts';
import { hiddenValues } from './hidden-values.ts';
import { openHome, type PlatformHome } from './platform-home.ts';
import { splitExternals } from './process-environment.ts';
import { processFleet, type ProcessFleet } from './process-fleet.ts';
import type { InstanceStatus, PlatformEvent, ProcessesOptions } from './running-platform.ts';
import { selectionNotes, selectServices } from './service-selection.ts';
import { postgresLaunch } from './supervisor/postgres-launch.ts';
import { identify } from './supervisor/process-identity.ts';
import { removeState, stateWriter } from './supervisor/state-file.ts';
import type { SupervisedInstance } from './supervisor/supervised-instance.ts';

/** What a start that failed grants each kind of instance to end, in milliseconds. */
const FAILED_START_GRACE_MS = 2_000;

/** What a topology adds to the groundwork. */
export interface Topology {
  /** Names that need a socket besides the services. Default none. */
  readonly sockets?: readonly string[];
  /** Instances that have no process of their own. Default none. */
  readonly inside?: () => readonly InstanceStatus[];
  /** Told all instances after each change, before anybody else is. */
  readonly onStatus: (instances: readonly InstanceStatus[]) => void;
  /** Told which files a process has loaded; set, processes tell it. */
  readonly onLoaded?: ((name: string, files: readonly string[]) => void) | undefined;
}

/** What a platform stands on, whatever its topology: its home, the database server, externals, the state file. */
export interface Groundwork {
  readonly model: PlatformModel;
  /** Those that are to run. */
  readonly services: readonly ServiceModel[];
  /** Those of the blueprint that are not. */
  readonly absent: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly home: PlatformHome;
  readonly fleet: ProcessFleet;
  /** Where services and externals answer; externals that run here are in it once they are ready. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Aborts when the start is given up. */
  readonly signal: AbortSignal;
  /** Every instance. */
  status(): readonly InstanceStatus[];
  urlOf(name: string): string | undefined;
  /** Takes an instance into the status, and ends it at the end. */
  add(instance: SupervisedInstance): SupervisedInstance;
  /** Ends a process and starts it again; see `SupervisedInstance.restart`. Nothing happens when there is none of this name. */
  restart(name: string, options?: CloseOptions): Promise<void>;
  /** Migrates one service's database again; once databases are set up. */
  migrate(service: string): Promise<void>;
  /** To be told after each change of an instance that is not supervised. */
  changed(instance: InstanceStatus): void;
  /** Tells how long the start has taken until here. */
  stage(name: string): void;
  /** Starts the database server, unless one is given, and sets the databases up; none without need. */
  startDatabases(): Promise<ReadonlyMap<string, RuntimeUrls>>;
  /** Starts the externals that have a process here. */
  startExternals(): Promise<void>;
  /**
   * Waits for a start. When it fails or is given up, `end` is called and whatever runs is ended before this rejects.
   * @throws what the start throws, or the reason of the signal
   */
  through(starting: Promise<void>, end: (options: CloseOptions) => Promise<void>): Promise<void>;
  /** Drains every process. May be called again with less grace. */
  drain(options?: CloseOptions): Promise<void>;
  /** Moves out: state file, sockets, logs, lock. Once, however often it is called. */
  leave(): Promise<void>;
}

/**
 * Lays what both topologies stand on; nothing runs yet.
 * @throws UNKNOWN_SERVICE, DATA_DIR_LOCKED, PORT_IN_USE, SOCKET_PATH_TOO_LONG; nothing is left behind then
 * @throws MISCONFIGURED when the environment names a sampler that does not exist
 */
export async function layGroundwork(
  model: PlatformModel,
  options: ProcessesOptions,
  topology: Topology,
): Promise<Groundwork> {
  options.signal?.throwIfAborted();
  const clock = realClock();
  const random = realRandom();
  const began = clock.monotonic();
  const env = options.env ?? process.env;
  const onEvent = (event: PlatformEvent): void => options.onEvent?.(event);
  const onStage = (stage: string, durationMs: number): void => onEvent({ event: 'stage', stage, durationMs });
  const stage = (name: string): void => onStage(name, clock.monotonic() - began);
  const selection = selectServices(model, options.only);
  // Every process will read it, and each would be started several times before its failure counted as one.
  samplingEnvironment(env);

  const home = await openHome({
    dataDir: options.dataDir,
    gatewayPort: options.gatewayPort ?? 8080,
    adminPort: options.adminPort ?? 8081,
    socketNames: [...(topology.sockets ?? []), ...selection.services.map(({ name }) => name)],
    clock,
    hide: await hiddenValues(model, env),
    onEvent,
  });
  const { data, sockets } = home;
  stage('home');
  for (const text of selectionNotes(selection)) onEvent({ event: 'note', text });

  const supervised: SupervisedInstance[] = [];
  const me = (await identify(process.pid)) ?? { pid: process.pid, started: '' };
  const status = (): readonly InstanceStatus[] => [
    ...supervised.map((instance) => instance.status()),
    ...(topology.inside?.() ?? []),
  ];
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

  function changed(instance: InstanceStatus): void {
    state.touch();
    topology.onStatus(status());
    onEvent({ event: 'state', instance });
  }

  const fleet = processFleet({
    model,
    home,
    env,
    clock,
    random,
    readyTimeoutMs: options.readyTimeoutMs ?? 20_000,
    onChange: changed,
    onExit: (name, exit) => onEvent({ event: 'exit', name, exit }),
    onLoaded: topology.onLoaded,
  });
  const add = (instance: SupervisedInstance): SupervisedInstance => {
    supervised.push(instance);
    return instance;
  };

  const givenUp = new AbortController();
  const signal = options.signal === undefined ? givenUp.signal : AbortSignal.any([givenUp.signal, options.signal]);
  const externals = splitExternals(model);
  const endpoints: Record<string, string> = { ...externals.given };
  for (const { name } of selection.services) endpoints[name] = `unix:${sockets.socket(name)}`;

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
    stage('postgres');
    return adminUrl.promise;
  }

  let left: Promise<void> | undefined;
  async function leave(): Promise<void> {
    await state.flush();
    await removeState(data.path);
    await home.close();
  }

  let adminUrl: string | undefined;
  const given = options.postgresUrl !== undefined;

  return {
    model,
    services: selection.services,
    absent: selection.absent,
    clock,
    random,
    home,
    fleet,
    endpoints,
    signal,
    status,
    urlOf,
    add,
    changed,
    stage,
    async startDatabases() {
      if (!selection.services.some(({ database }) => database)) return new Map();
      adminUrl = await databaseServer();
      using ctx = createContext({ clock, random, signal });
      return await setUpDatabases(ctx, model, { adminUrl, given, data, clock, onStage });
    },
    async restart(name, restartOptions) {
      await supervised.find((instance) => instance.name === name)?.restart(restartOptions);
    },
    async migrate(service) {
      if (adminUrl === undefined) return;
      using ctx = createContext({ clock, random, signal });
      const provisioned = await provisionPlatform(ctx, model, { adminUrl, given, data });
      await migratePlatform(ctx, model, provisioned, { clock, only: [service] });
    },
    async startExternals() {
      const started = externals.run
        .filter(({ name }) => selection.externals.includes(name))
        .map(async (external) => {
          const instance = add(fleet.external(external));
          await instance.start();
          endpoints[external.name] = instance.status().url ?? '';
        });
      await Promise.all(started);
      if (started.length > 0) stage('externals');
    },
    async through(starting, end) {
      const aborted = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
      // Nobody waits for it once the start is through.
      aborted.catch(() => undefined);
      try {
        await Promise.race([starting, aborted]);
      } catch (error) {
        givenUp.abort(error);
        await drain(supervised, { graceMs: FAILED_START_GRACE_MS }).catch(() => undefined);
        await starting.catch(() => undefined);
        await end({ graceMs: 0 }).catch(() => undefined);
        throw error;
      }
    },
    drain: (closeOptions) => drain(supervised, closeOptions),
    leave: () => (left ??= leave()),
  };
}
