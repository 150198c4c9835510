import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startForeignProxy } from './foreign-proxy.ts';
import { gatewayScene, type Scene, type SceneName } from './gateway-scenes.ts';
import { MEASURED_CPU, OTHER_CPU, pin } from './pinned.ts';
import { startServer } from './server-process.ts';

/** A proxy on a processor of its own, in front of an origin that shares the other one with this process. */
export interface GatewayBed extends AsyncDisposable {
  readonly scene: Scene;
  readonly proxy: { readonly port: number; readonly pid: number };
  /** Has ours read another configuration; it is at work some time later. */
  reload(snapshot: unknown): void;
  /** Of the origin. */
  readonly originPort: number;
}

/** Starts the proxy of a name: `fairlead`, `nginx`, `haproxy`, or one of Node's in bench/peers, which know `plain` only. */
export async function gatewayBed(proxyName: string, sceneName: SceneName): Promise<GatewayBed> {
  pin(process.pid, OTHER_CPU);
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-gateway-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const scene = gatewayScene(sceneName, folder);
  const origin = stack.use(await startServer(scene.origin));
  const originPort = 'port' in origin.listening ? origin.listening.port : 0;
  const file = join(folder, 'gateway.json');
  const write = (snapshot: unknown): void => writeFileSync(file, JSON.stringify(snapshot));
  write(scene.snapshot(originPort));
  const proxy = stack.use(await started());
  pin(proxy.pid, MEASURED_CPU);
  const owned = stack.move();
  return {
    scene,
    proxy,
    originPort,
    reload(snapshot) {
      write(snapshot);
      process.kill(proxy.pid, 'SIGHUP');
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };

  async function started() {
    if (proxyName === 'nginx' || proxyName === 'haproxy') return startForeignProxy(proxyName, originPort, scene.extras);
    const server = await startServer(proxyName === 'fairlead' ? 'servers/gateway.ts' : `peers/${proxyName}.js`, {
      ...scene.env,
      BENCH_SNAPSHOT: file,
      BENCH_ORIGIN_PORT: String(originPort),
    });
    return {
      port: 'port' in server.listening ? server.listening.port : 0,
      pid: server.pid,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
}

/** The scene that a subject's argument names. */
export function sceneNamed(text: string, names: readonly SceneName[]): SceneName {
  const name = names.find((each) => each === text);
  if (name === undefined) throw new Error(`there is no scene ${JSON.stringify(text)}; take one of ${names.join(', ')}`);
  return name;
}
