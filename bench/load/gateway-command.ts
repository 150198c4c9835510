import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { MEASURED_CPU, pin } from './pinned.ts';

/** A gateway that `fairlead gateway run` has started. */
export interface GatewayCommand extends AsyncDisposable {
  readonly pid: number;
  /** Of its first listener. */
  readonly port: number;
}

/** Runs a configuration by the command of an installation, as people do; its log goes nowhere. */
export async function startGatewayCommand(command: string, file: string): Promise<GatewayCommand> {
  const child = spawn(process.execPath, [command, 'gateway', 'run', file, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // As a person's shell has it.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`fairlead gateway run ended with ${code}`)));
  });
  ended.catch(() => {});
  const listening = new Promise<number>((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) => {
      // `as`: its first line is the event `listening`.
      const { listeners } = JSON.parse(line) as { readonly listeners: Readonly<Record<string, string>> };
      resolve(Number(new URL(Object.values(listeners)[0] ?? '').port));
    });
  });
  const port = await Promise.race([listening, ended]);
  const { pid = 0 } = child;
  pin(pid, MEASURED_CPU);
  return {
    pid,
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended.catch(() => {});
    },
  };
}
