/**
 * The topology `processes`: one OS process a service, gateway, control plane, externals and an embedded Postgres.
 *
 * - `groundwork.ts`: what both topologies stand on; `service-selection.ts`, which services are to run
 * - `platform-home.ts`: data directory, lock, leftovers, ports, sockets' folder
 * - `database-setup.ts`: databases, roles, migrations
 * - `process-fleet.ts`: which program runs with which environment
 * - `platform-watch.ts`, `source-watch.ts`: who is started again when which file changes
 * - `supervisor/`: one instance kept up; processes, logs, lock, state file
 * - `drain.ts`: the order of the end
 * - `plane/`, `main.ts`: the control process
 */
import type { CloseOptions } from '@fairlead/core';
import type { PlatformModel } from '@fairlead/platform';
import { closeOnce } from './close-once.ts';
import { adminClient } from './admin-client.ts';
import { layGroundwork, type Groundwork } from './groundwork.ts';
import type { ProcessesOptions, RunningPlatform } from './running-platform.ts';
import { watchPlatform, type PlatformWatch } from './platform-watch.ts';
import type { SupervisedInstance } from './supervisor/supervised-instance.ts';

/**
 * Starts a platform as processes and resolves once every one of them is ready. Afterwards each is started again when
 * it ends unasked, whatever ended it. A killed supervisor leaves nothing but the database, which the next start on the
 * same data directory ends.
 * @throws DATA_DIR_LOCKED, PORT_IN_USE, SOCKET_PATH_TOO_LONG, UNKNOWN_SERVICE before anything is started
 * @throws INSTANCE_FAILED when an instance keeps ending before the platform was ready; everything is ended again
 */
export async function startProcesses(model: PlatformModel, options: ProcessesOptions): Promise<RunningPlatform> {
  let control: SupervisedInstance | undefined;
  let watch: PlatformWatch | undefined;
  const ground = await layGroundwork(model, options, {
    sockets: ['control'],
    // It learns of every change, and of all of them when it is ready again.
    onStatus: (instances) => control?.send({ type: 'instances', instances }),
    onLoaded: options.watch === true ? (name, files) => watch?.loaded(name, files) : undefined,
  });
  const { fleet, add, endpoints } = ground;
  if (options.watch === true) watch = watchPlatform(ground, options);

  async function startControl(): Promise<void> {
    control = add(fleet.control(options.adminPort ?? 8081));
    await control.start();
    ground.stage('control');
  }

  /** Services and the gateway need the databases and the externals' addresses. */
  async function startServices(): Promise<void> {
    const [urls] = await Promise.all([ground.startDatabases(), ground.startExternals()]);
    ground.signal.throwIfAborted();
    const services = ground.services.map((service) =>
      add(fleet.service(service, { urls: urls.get(service.name), endpoints })),
    );
    const gateway = add(fleet.gateway(options.gatewayPort ?? 8080, { endpoints, absent: ground.absent }));
    await Promise.all([...services.map((service) => service.start()), gateway.start()]);
  }

  async function startAll(): Promise<void> {
    await Promise.all([startControl(), startServices()]);
    ground.stage('ready');
  }

  async function leave(closeOptions?: CloseOptions): Promise<void> {
    try {
      await watch?.close();
      await ground.drain(closeOptions);
    } finally {
      await ground.leave();
    }
  }
  const close = closeOnce(leave, (closeOptions) => ground.drain(closeOptions));

  await ground.through(startAll(), close);
  return running(ground, close);
}

function running(ground: Groundwork, close: RunningPlatform['close']): RunningPlatform {
  const adminUrl = ground.urlOf('control') ?? '';
  const { adminToken } = ground.home;
  const admin = adminClient({ url: adminUrl, credential: adminToken });
  return {
    gatewayUrl: ground.urlOf('gateway') ?? '',
    adminUrl,
    adminToken,
    endpoints: { ...ground.endpoints },
    status: ground.status,
    token: (request) => admin.token(request).then(({ token }) => token),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
