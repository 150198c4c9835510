/**
 * The topology `single`: every service, the gateway and the control plane in this process, calls between services in
 * memory (still validated, still copied as JSON). The embedded Postgres and externals are processes of their own, as
 * they are everywhere. `groundwork.ts` is what both topologies stand on, `inside-service.ts` one service of this process.
 */
import { join } from 'node:path';
import type { Closeable, CloseOptions } from '@fairlead/core';
import type { PlatformModel } from '@fairlead/platform';
import { closeOnce } from './close-once.ts';
import { startGateway } from '@fairlead/proxy';
import type { ServiceInstance } from '@fairlead/service';
import type { OtlpForwarder } from '@fairlead/telemetry';
import { describedExternals } from './described-externals.ts';
import { GATEWAY_CONFIG, gatewayConfig } from './gateway-config.ts';
import { layGroundwork, type Groundwork } from './groundwork.ts';
import { startInside, telemetryOf, type House } from './inside-service.ts';
import { serveAdmin } from './plane/admin-server.ts';
import { auditLine } from './plane/audit.ts';
import { collectorOf } from './plane/collector.ts';
import { openControlPlane, type ControlPlane } from './plane/control-plane.ts';
import { baseEnvironment } from './process-environment.ts';
import { replaceFile } from './supervisor/data-dir.ts';
import type { InstanceKind, InstanceStatus, RunningPlatform, SingleOptions } from './running-platform.ts';

/**
 * Starts a platform in this process and resolves once it takes requests. A crash of this process is a crash of all of
 * it; the database and externals are started again when they end. Closed a second time with `graceMs` 0, it does not wait
 * for work of this process: whoever asks for that ends the process.
 * @throws DATA_DIR_LOCKED, PORT_IN_USE, SOCKET_PATH_TOO_LONG, UNKNOWN_SERVICE before anything is started
 * @throws INSTANCE_FAILED when the database or an external keeps ending
 */
export async function startSingle(model: PlatformModel, options: SingleOptions): Promise<RunningPlatform> {
  const inside = new Map<string, InstanceStatus>();
  /** What to close, the last first. */
  const parts: Closeable[] = [];
  let plane: ControlPlane | undefined;
  const ground = await layGroundwork(model, options, {
    inside: () => [...inside.values()],
    onStatus: (instances) => plane?.setInstances(instances),
  });

  function here(name: string, kind: InstanceKind, url: string): void {
    const since = ground.clock.now();
    const process_ = { pid: process.pid, url, restarts: 0, since, lastExit: undefined };
    const instance: InstanceStatus = { name, kind, state: 'ready', ...process_ };
    inside.set(name, instance);
    ground.changed(instance);
  }

  async function startAll(): Promise<void> {
    const { clock, random, home } = ground;
    const env = options.env ?? process.env;
    const collector = collectorOf({ env, clock, random, tell: (message, about) => tellControl(home, message, about) });
    if (collector !== undefined) parts.push(collector);
    plane = await openPlane(ground, collector);
    const house: House = { home, plane, clock, random, env: baseEnvironment(env) };
    const admin = await admit(ground, plane, options.adminPort ?? 8081);
    parts.push(admin);
    here('control', 'control', admin.url);

    const [urls] = await Promise.all([ground.startDatabases(), ground.startExternals()]);
    const instances = new Map<string, ServiceInstance>();
    for (const service of ground.services) {
      const { name } = service;
      ground.signal.throwIfAborted();
      parts.push(await startInside(house, service, { instances, endpoints: ground.endpoints, urls: urls.get(name) }));
      here(name, 'service', ground.endpoints[name] ?? '');
    }
    ground.signal.throwIfAborted();
    const gateway = await openGateway(house, options.gatewayPort ?? 8080);
    here('gateway', 'gateway', gateway.url);
    ground.stage('ready');
  }

  async function openGateway(house: House, port: number): Promise<{ readonly url: string }> {
    const { plane: keys, clock, random } = house;
    const telemetry = telemetryOf(house, 'gateway');
    parts.push(telemetry);
    const { endpoints, absent } = ground;
    const jwks = `${ground.urlOf('control')}/.well-known/jwks.json`;
    const config = gatewayConfig(model, { port, endpoints, absent, jwks });
    // Nobody but whoever explains the gateway reads it; the keys are here.
    await replaceFile(join(house.home.sockets.path, `${GATEWAY_CONFIG}.json`), JSON.stringify(config));
    const gateway = await startGateway({ ...config, jwks: async () => keys.tokens.jwks, telemetry, clock, random });
    parts.push(gateway);
    return gateway;
  }

  async function leave(closeOptions?: CloseOptions): Promise<void> {
    try {
      for (const part of parts.splice(0).toReversed()) await part.close(closeOptions);
      await ground.drain(closeOptions);
    } finally {
      inside.clear();
      await ground.leave();
    }
  }
  /** Nobody can end a handler of this process that does not end: it is left behind, and everything else is not. */
  async function force(): Promise<void> {
    await ground.drain({ graceMs: 0 });
    await ground.leave();
  }
  const close = closeOnce(leave, force, { abandon: true });

  await ground.through(startAll(), close);
  return {
    gatewayUrl: ground.urlOf('gateway') ?? '',
    adminUrl: ground.urlOf('control') ?? '',
    adminToken: ground.home.adminToken,
    endpoints: { ...ground.endpoints },
    status: ground.status,
    async token(request) {
      // The start above went through, and it begins with the plane.
      const { token } = await (plane as ControlPlane).tokens.issue(request);
      return token;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function openPlane(
  { model, home, clock, random }: Groundwork,
  collector: OtlpForwarder | undefined,
): Promise<ControlPlane> {
  return openControlPlane({
    platform: model.name,
    secretsDir: join(home.data.path, 'secrets'),
    tenants: model.tenants.map(({ id }) => id),
    externals: describedExternals(model),
    clock,
    random,
    ...(collector && { onExport: (resourceSpans) => collector.forward(resourceSpans) }),
  });
}

/** A line in the control plane's log. */
function tellControl(home: Groundwork['home'], message: string, about: unknown): void {
  home.tell('control', `${message}${about instanceof Error ? ` ${about.stack ?? about.message}` : ''}`);
}

/** The admin API on its port. */
function admit({ home, clock }: Groundwork, plane: ControlPlane, port: number): ReturnType<typeof serveAdmin> {
  return serveAdmin(plane, {
    port,
    credential: home.adminToken,
    onInternal: (error) => tellControl(home, 'A request failed inside.', error),
    audit: (entry) => home.tell('control', auditLine(entry, clock.now())),
  });
}
