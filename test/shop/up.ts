import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Shop } from './customer.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const launcher = fileURLToPath(new URL('../../packages/cli/bin/fairlead.js', import.meta.url));

/** An instance, as `fairlead status --json` tells. */
export interface Status {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly pid: number | null;
  readonly url: string | null;
  readonly restarts: number;
}

/** The shop as `fairlead up` runs it: real processes, started and asked as a person would. */
export class RunningShop implements Shop, AsyncDisposable {
  readonly dataDir: string;
  gatewayUrl = '';
  adminUrl = '';
  billingUrl = '';
  #up: ChildProcess | undefined;

  readonly #env: Readonly<Record<string, string>>;

  /** `env` is added to the environment of `fairlead up`. */
  constructor(dataDir: string, env: Readonly<Record<string, string>> = {}) {
    this.dataDir = dataDir;
    this.#env = env;
  }

  get pid(): number | undefined {
    return this.#up?.pid;
  }

  /** Starts `fairlead up --json` and waits for its ready line. */
  async start(...flags: readonly string[]): Promise<this> {
    const up = spawn(
      process.execPath,
      [
        launcher,
        'up',
        '--json',
        '--platform',
        'examples/shop/platform.ts',
        '--data-dir',
        this.dataDir,
        '--gateway-port',
        '0',
        '--admin-port',
        '0',
        ...flags,
      ],
      { cwd: root, env: { ...process.env, ...this.#env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#up = up;
    const errors: string[] = [];
    up.stderr.setEncoding('utf8').on('data', (chunk: string) => errors.push(chunk));
    for await (const line of createInterface({ input: up.stdout })) {
      const event = JSON.parse(line) as {
        event: string;
        gateway: string;
        admin: string;
        services: Record<string, string>;
      };
      if (event.event !== 'ready') continue;
      this.gatewayUrl = event.gateway;
      this.adminUrl = event.admin;
      this.billingUrl = event.services['billing'] ?? '';
      up.stdout.resume();
      return this;
    }
    throw new Error(`fairlead up ended before it was ready (exit ${up.exitCode}): ${errors.join('')}`);
  }

  /** Runs another command on this shop; gives what it prints. */
  async command(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [launcher, ...args, '--data-dir', this.dataDir], {
      cwd: root,
      env: { ...process.env, ...this.#env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  async status(): Promise<readonly Status[]> {
    const { stdout } = await this.command('status', '--json');
    return (JSON.parse(stdout) as { services: Status[] }).services;
  }

  /** Kills `fairlead up` itself, as nothing can prevent, and starts it again on the same data. */
  async killAndStart(): Promise<void> {
    this.#up?.kill('SIGKILL');
    if (this.#up && this.#up.exitCode === null && this.#up.signalCode === null) await once(this.#up, 'exit');
    await this.start();
  }

  /** Ctrl-C; gives the exit code. */
  async stop(): Promise<number | null> {
    const up = this.#up;
    if (!up || up.exitCode !== null || up.signalCode !== null) return up?.exitCode ?? null;
    up.kill('SIGINT');
    const [code] = (await once(up, 'exit')) as [number | null];
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
