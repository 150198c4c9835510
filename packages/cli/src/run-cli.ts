/**
 * The command `fairlead`.
 *
 * - `command.ts`, `flag.ts`: what a command is; its flags, read and explained from one table
 * - `commands/`: one file a command
 * - `live-table.ts`, `event-lines.ts`: what `up` shows on a terminal, and elsewhere
 * - `trace-tree.ts`, `log-line.ts`, `table.ts`, `colour.ts`: how things look
 * - `running.ts`: finds the platform that runs on a data directory
 * - `terminal.ts`: where commands read and write; `main.ts`: the process
 */
import { FairleadError, nearest } from '@fairlead/core';
import type { Command } from './command.ts';
import { check } from './commands/check.ts';
import { down } from './commands/down.ts';
import { logs } from './commands/logs.ts';
import { status } from './commands/status.ts';
import { token } from './commands/token.ts';
import { trace } from './commands/trace.ts';
import { up } from './commands/up.ts';
import { UsageError } from './flag.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

const COMMANDS: readonly Command[] = [up, down, status, logs, trace, token, check];

function overview(): string {
  const rows = COMMANDS.map(({ name, summary }) => [`  ${name}`, summary]);
  return [
    'The operating system for a production platform of microservices.',
    '',
    'Usage: fairlead <command> [flags]',
    '',
    ...table(rows),
    '',
    'fairlead <command> --help explains one. Examples:',
    '  fairlead up --platform platform.ts',
    '  fairlead status',
    '',
  ].join('\n');
}

const asksForHelp = (args: readonly string[]): boolean => args.some((arg) => arg === '--help' || arg === '-h');

/**
 * Runs one command line. Resolves with the exit code: 0 done, 1 failed, 2 wrong usage. Failures are told on standard
 * error, without a stack; what is not a failure of ours is thrown.
 */
export async function runCli(terminal: Terminal, args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(overview());
    return name === undefined ? 2 : 0;
  }
  const found = COMMANDS.find((candidate) => candidate.name === name);
  if (found === undefined) {
    const near = nearest(
      name,
      COMMANDS.map((candidate) => candidate.name),
    );
    terminal.err(
      `fairlead: unknown command "${name}". ${near === undefined ? 'fairlead --help lists them.' : `Did you mean "${near}"?`}\n`,
    );
    return 2;
  }
  if (asksForHelp(rest)) {
    terminal.out(found.help());
    return 0;
  }
  try {
    return await found.run(terminal, rest);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`fairlead ${name}: ${error.message}\nfairlead ${name} --help explains it.\n`);
      return 2;
    }
    if (!(error instanceof FairleadError)) throw error;
    terminal.err(`fairlead ${name}: ${error.message}\n`);
    return 1;
  }
}
