/** One check. */
export interface Step {
  readonly name: string;
  /** What it objects to; empty when it passes. */
  run(): string;
}

/** Where `runSteps` takes the time from and where its lines go. */
export interface StepPorts {
  /** Milliseconds from any origin. */
  now(): number;
  print(line: string): void;
}

/**
 * Runs the steps that `names` names, all of them when it names none, each to its end whether or not others fail.
 * Prints a line a step with its seconds, and under it what a failing one objects to.
 *
 * @returns the process's exit code: 0, 1 when a step failed, 2 when a name is unknown
 */
export function runSteps(steps: readonly Step[], names: readonly string[], ports: StepPorts): number {
  const unknown = names.find((name) => !steps.some((step) => step.name === name));
  if (unknown !== undefined) {
    ports.print(`there is no step "${unknown}"; choose from ${steps.map((step) => step.name).join(', ')}`);
    return 2;
  }
  const failed: string[] = [];
  for (const step of steps) {
    if (names.length > 0 && !names.includes(step.name)) continue;
    const startedAt = ports.now();
    const output = outputOf(step);
    const seconds = ((ports.now() - startedAt) / 1000).toFixed(1);
    ports.print(`${output === '' ? 'ok    ' : 'FAILED'}  ${step.name.padEnd(8)} ${seconds.padStart(5)} s`);
    if (output === '') continue;
    failed.push(step.name);
    ports.print(output.replace(/^/gm, '        '));
  }
  if (failed.length > 0) ports.print(`failed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

function outputOf(step: Step): string {
  try {
    return step.run();
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
