import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fairlead, LAUNCHER, ROOT } from './command.ts';

/** An instance, as `fairlead status --json` tells of it. */
export interface Instance {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly url: string | null;
  readonly restarts: number;
}

/** The shop that the demo plays with. */
export interface Shop extends AsyncDisposable {
  readonly dataDir: string;
  readonly gatewayUrl: string;
  readonly billingUrl: string;
  instances(): Promise<readonly Instance[]>;
}

interface Status {
  readonly running: boolean;
  readonly gateway: string | null;
  readonly services: readonly Instance[];
}

async function status(dataDir: string, signal: AbortSignal): Promise<Status> {
  // The documented form of `status --json`.
  return JSON.parse(await fairlead(['status', '--json', '--data-dir', dataDir], signal)) as Status;
}

async function shopAt(dataDir: string, signal: AbortSignal, end: () => Promise<void>): Promise<Shop> {
  const { running, gateway, services } = await status(dataDir, signal);
  const billing = services.find(({ name }) => name === 'billing')?.url;
  if (!running || gateway === null || !billing) {
    throw new Error(
      `No shop runs on ${dataDir}. Start one with npm start, or leave --data-dir out: the demo brings its own.`,
    );
  }
  return {
    dataDir,
    gatewayUrl: gateway,
    billingUrl: billing,
    instances: async () => (await status(dataDir, signal)).services,
    [Symbol.asyncDispose]: end,
  };
}

/** The shop that runs on a data directory already; it goes on after the demo. */
export function runningShop(dataDir: string, signal: AbortSignal): Promise<Shop> {
  return shopAt(dataDir, signal, async () => {});
}

/** A shop of the demo's own, on free ports and a temporary folder; both are gone afterwards. */
export async function temporaryShop(signal: AbortSignal): Promise<Shop> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fairlead-demo-'));
  const flags = ['--platform', 'examples/shop/platform.ts', '--data-dir', dataDir];
  const up = spawn(process.execPath, [LAUNCHER, 'up', '--json', '--gateway-port', '0', '--admin-port', '0', ...flags], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C is the demo's to pass on, once.
    detached: true,
  });
  const end = async () => {
    if (!ended(up)) {
      up.kill('SIGTERM');
      await once(up, 'exit');
    }
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await ready(up, signal);
    return await shopAt(dataDir, signal, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function ready(up: ChildProcess, signal: AbortSignal): Promise<void> {
  let complaints = '';
  up.stderr?.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk));
  if (up.stdout === null) throw new Error('fairlead up has no output.');
  const lines = createInterface({ input: up.stdout, signal });
  const isReady = new Promise<boolean>((resolve) => {
    // A line is an event with a name.
    lines.on('line', (line) => void ((JSON.parse(line) as { event: string }).event === 'ready' && resolve(true)));
    lines.once('close', () => resolve(false));
  });
  if (!(await isReady)) throw new Error(`fairlead up ended before it was ready. ${complaints.trim()}`);
}

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;
