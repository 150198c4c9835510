import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process that can be told from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own terms; only ever compared for equality. */
  readonly started: string;
}

const run = promisify(execFile);

/** Linux: start in ticks since boot, and which boot; a zombie counts as ended. */
async function startedOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The command's name stands in parentheses and may hold anything, a `)` included: fields are counted after the last.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim().slice(0, 8)}:${fields[19]}`;
}

/** Everywhere else: what `ps` says, in a fixed language and time zone. */
async function startedByPs(pid: number): Promise<string | undefined> {
  const env = { PATH: process.env['PATH'] ?? '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { env }).catch(() => ({ stdout: '' }));
  const [state = '', ...started] = stdout.trim().split(/\s+/);
  return state === '' || state.startsWith('Z') ? undefined : started.join(' ');
}

/** When the process with this number started; `undefined` when none runs. */
export function processStarted(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? startedOnLinux(pid) : startedByPs(pid);
}

/** Whether this very process still runs, and not another that was given its number. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await processStarted(identity.pid)) === identity.started;
}

/** The identity of a running process; `undefined` when it has ended. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const started = await processStarted(pid);
  return started === undefined ? undefined : { pid, started };
}
