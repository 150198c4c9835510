import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The command `fairlead` of this checkout. */
export const LAUNCHER = fileURLToPath(new URL('../../packages/cli/bin/fairlead.js', import.meta.url));

/**
 * Runs `fairlead …` and gives what it printed.
 * @throws with its own words when it fails and has not answered all the same, as `status` does for what doesn't run
 */
export async function fairlead(args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], signal });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0 && out === '') throw new Error(`fairlead ${args[0]} exited with ${code}: ${err.trim()}`);
  return out;
}
