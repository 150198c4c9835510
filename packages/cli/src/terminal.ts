/** Where a command reads from and writes to. */
export interface Terminal {
  /** Writes to standard output as it is. */
  out(text: string): void;
  /** Writes to standard error as it is. */
  err(text: string): void;
  /** Whether standard output is a terminal, not a file or pipe. */
  readonly interactive: boolean;
  /** Whether colours may be used there. */
  readonly colours: boolean;
  /** Width in characters. */
  columns(): number;
  /** Height in lines. */
  rows(): number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The terminal of this process. `NO_COLOR` (any value but an empty one) turns colours off. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const interactive = stdout.isTTY === true && env['TERM'] !== 'dumb';
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    interactive,
    colours: interactive && (env['NO_COLOR'] ?? '') === '',
    // Some terminals (a recorder, a serial line) say 0.
    columns: () => stdout.columns || 80,
    rows: () => stdout.rows || 24,
    env,
    cwd: process.cwd(),
  };
}
