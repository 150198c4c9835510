import type { Terminal } from './terminal.ts';

/** A terminal that a test reads. */
export interface TestTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** A terminal in memory; neither interactive nor coloured unless said so. */
export function testTerminal(changes: Partial<Terminal> = {}): TestTerminal {
  let stdout = '';
  let stderr = '';
  return {
    out(text) {
      stdout += text;
    },
    err(text) {
      stderr += text;
    },
    interactive: false,
    colours: false,
    columns: () => 80,
    rows: () => 24,
    env: {},
    cwd: process.cwd(),
    ...changes,
    stdout: () => stdout,
    stderr: () => stderr,
  };
}
