import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '@fairlead/core';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import type { ControlConfig } from './control-config.ts';
import type { RuntimeUrls } from './database-setup.ts';
import { describedExternals } from './described-externals.ts';
import { GATEWAY_CONFIG, gatewayConfig } from './gateway-config.ts';
import type { PlatformHome } from './platform-home.ts';
import { baseEnvironment, collectorEnvironment, portOf } from './process-environment.ts';
import type { InstanceExit, InstanceKind, InstanceStatus } from './running-platform.ts';
import { secretFiles, withoutSecrets } from './secret-environment.ts';
import { launchChild } from './supervisor/child-process.ts';
import { replaceFile } from './supervisor/data-dir.ts';
import { entryPoint, NODE_ARGS, type EntryPoint } from './supervisor/entry-point.ts';
import type { Launch } from './supervisor/launch.ts';
import { loadedFiles, LOADED_FILES_ARGS } from './supervisor/loaded-files.ts';
import { superviseInstance, type SupervisedInstance } from './supervisor/supervised-instance.ts';

/** What the processes of a platform are made with. */
export interface FleetOptions {
  readonly model: PlatformModel;
  readonly home: PlatformHome;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly readyTimeoutMs: number;
  readonly onChange: (status: InstanceStatus) => void;
  readonly onExit: (name: string, exit: InstanceExit) => void;
  /** Told which files a process has loaded, as it loads them; only when it is set do processes tell. */
  readonly onLoaded?: ((name: string, files: readonly string[]) => void) | undefined;
}

/** Makes the supervised processes of a platform; none is started. */
export interface ProcessFleet {
  supervise(name: string, kind: InstanceKind, launch: Launch): SupervisedInstance;
  control(adminPort: number): SupervisedInstance;
  external(external: {
    readonly name: string;
    readonly entry: string;
    readonly env: Readonly<Record<string, string>>;
  }): SupervisedInstance;
  service(
    service: ServiceModel,
    wiring: { readonly urls: RuntimeUrls | undefined; readonly endpoints: Readonly<Record<string, string>> },
  ): SupervisedInstance;
  gateway(
    port: number,
    ways: { readonly endpoints: Readonly<Record<string, string>>; readonly absent: readonly string[] },
  ): SupervisedInstance;
}

/** Makes the processes of a platform: for each kind its module, its environment, and the files that it reads. */
export function processFleet(options: FleetOptions): ProcessFleet {
  const { model, home, clock, onLoaded } = options;
  const { data, sockets } = home;
  const common = {
    // Somebody's own, which many platforms may share, goes before.
    NODE_COMPILE_CACHE: data.compileCache,
    ...withoutSecrets(model, baseEnvironment(options.env)),
    OTEL_EXPORTER_OTLP_ENDPOINT: `unix:${sockets.socket('control')}`,
  };

  /** Runs of a program; `prepare` gives each its own environment. */
  function runs(
    name: string,
    point: EntryPoint,
    prepare: (previousUrl: string | undefined) => Promise<Record<string, string>>,
  ): Launch {
    return async (previousUrl) => {
      home.log(name).clearLines();
      return launchChild({
        ...point,
        nodeArgs: [...point.nodeArgs, ...(onLoaded === undefined ? [] : LOADED_FILES_ARGS)],
        env: { ...common, FAIRLEAD_INSTANCE: `${name}-1`, ...(await prepare(previousUrl)) },
        cwd: model.root,
        clock,
        onLine: (line) => home.tell(name, line),
        onMessage(message) {
          const files = loadedFiles(message);
          if (files !== undefined) onLoaded?.(name, files);
        },
      });
    };
  }

  /** Writes a child's configuration into the folder that only this user may enter; it is gone with the sockets. */
  async function configFile(name: string, value: unknown): Promise<string> {
    const file = join(sockets.path, `${name}.json`);
    await replaceFile(file, JSON.stringify(value));
    return file;
  }

  const supervise = (name: string, kind: InstanceKind, launch: Launch): SupervisedInstance =>
    superviseInstance({
      name,
      kind,
      launch,
      clock,
      random: options.random,
      readyTimeoutMs: options.readyTimeoutMs,
      lastLines: () => home.log(name).lastLines(),
      onChange: options.onChange,
      onExit: options.onExit,
    });

  return {
    supervise,
    control(adminPort) {
      const launch = runs('control', entryPoint('control'), async (previousUrl) => {
        const config: ControlConfig = {
          platform: model.name,
          secretsDir: join(data.path, 'secrets'),
          tenants: model.tenants.map(({ id }) => id),
          externals: describedExternals(model),
          collector: collectorEnvironment(options.env),
          adminPort: portOf(previousUrl) ?? adminPort,
          credential: home.adminToken,
          socketPath: sockets.socket('control'),
        };
        return { FAIRLEAD_CONTROL_CONFIG: await configFile('control', config) };
      });
      return supervise('control', 'control', launch);
    },
    external({ name, entry, env }) {
      const launch = runs(name, { entry, nodeArgs: NODE_ARGS }, async (previousUrl) => {
        const folder = data.external(name);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const listen = `tcp:127.0.0.1:${portOf(previousUrl) ?? 0}`;
        return { ...env, FAIRLEAD_LISTEN: listen, FAIRLEAD_DATA_DIR: folder };
      });
      return supervise(name, 'external', launch);
    },
    service(service, { urls, endpoints }) {
      const { name } = service;
      const socket = sockets.socket(name);
      const launch = runs(name, entryPoint('service'), async () => {
        // A killed run leaves its socket behind, and nobody can listen where a file is.
        await rm(socket, { force: true });
        const secrets: Record<string, string> = {};
        if (urls !== undefined) {
          secrets['FAIRLEAD_DATABASE_URL_FILE'] = data.secret(`${name}.database-url`);
          secrets['FAIRLEAD_BROKER_URL_FILE'] = data.secret(`${name}.broker-url`);
          await replaceFile(data.secret(`${name}.database-url`), `${urls.runtimeUrl}\n`);
          await replaceFile(data.secret(`${name}.broker-url`), `${urls.brokerUrl}\n`);
        }
        return {
          ...(await secretFiles(service, options.env, sockets.path)),
          ...secrets,
          FAIRLEAD_SERVICE_MODULE: service.module,
          FAIRLEAD_SERVICE_NAME: name,
          FAIRLEAD_LISTEN: `unix:${socket}`,
          FAIRLEAD_ENDPOINTS: JSON.stringify(endpoints),
          FAIRLEAD_POLICIES: JSON.stringify(service.policies),
        };
      });
      return supervise(name, 'service', launch);
    },
    gateway(port, { endpoints, absent }) {
      const launch = runs('gateway', entryPoint('proxy'), async (previousUrl) => {
        const config = gatewayConfig(model, {
          port: portOf(previousUrl) ?? port,
          endpoints,
          absent,
          jwks: `unix:${sockets.socket('control')}:/.well-known/jwks.json`,
          adminSocket: sockets.socket('gateway-admin'),
        });
        return { FAIRLEAD_GATEWAY_CONFIG: await configFile(GATEWAY_CONFIG, config) };
      });
      return supervise('gateway', 'gateway', launch);
    },
  };
}
