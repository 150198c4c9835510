import { spawnSync } from 'node:child_process';

/** The processor that whatever is measured has to itself, and the one for all else. */
export const MEASURED_CPU = 0;
export const OTHER_CPU = 1;

/** Keeps a process on one processor, where there is `taskset`. */
export function pin(pid: number | undefined, cpu: number): void {
  if (pid !== undefined) spawnSync('taskset', ['-a', '-cp', String(cpu), String(pid)], { stdio: 'ignore' });
}
