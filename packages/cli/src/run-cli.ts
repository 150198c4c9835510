/**
 * The command `fairlead`.
 *
 * - `command.ts`, `command-group.ts`, `flag.ts`: what a command is; its flags, read and explained from one table
 * - `completions.ts`: what may come next on a line, from the same tables; `known-names.ts` asks the platform
 * - `reference.ts`: the same tables as a page; `exit-codes.ts`: what a command's end says
 * - `commands/`: one file a command
 * - `live-table.ts`, `event-lines.ts`: what `up` shows on a terminal, and elsewhere
 * - `trace-tree.ts`, `log-line.ts`, `table.ts`, `colour.ts`: how things look
 * - `running.ts`: finds the platform that runs on a data directory
 * - `terminal.ts`: where commands read and write; `main.ts`: the process
 */
import { FairleadError, nearest } from '@fairlead/core';
import type { Command } from './command.ts';
import { add } from './commands/add.ts';
import { call } from './commands/call.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { db } from './commands/db.ts';
import { dlq } from './commands/dlq.ts';
import { down } from './commands/down.ts';
import { events } from './commands/events.ts';
import { gateway } from './commands/gateway.ts';
import { importCommand } from './commands/import.ts';
import { init } from './commands/init.ts';
import { jobs } from './commands/jobs.ts';
import { logs } from './commands/logs.ts';
import { route } from './commands/route.ts';
import { saga } from './commands/saga.ts';
import { status } from './commands/status.ts';
import { token } from './commands/token.ts';
import { trace } from './commands/trace.ts';
import { up } from './commands/up.ts';
import { views } from './commands/views.ts';
import { completions } from './completions.ts';
import { EXIT_CODES, EXIT_CODE_MEANINGS } from './exit-codes.ts';
import { reportFailure } from './failure-report.ts';
import { UsageError } from './flag.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Every command, in the order of the overview. */
export const COMMANDS: readonly Command[] = [
  init,
  add,
  up,
  down,
  status,
  logs,
  trace,
  call,
  events,
  dlq,
  jobs,
  saga,
  views,
  db,
  token,
  check,
  gateway,
  importCommand,
  route,
  completion,
];

function overview(): string {
  const rows = COMMANDS.map(({ name, summary }) => [`  ${name}`, summary]);
  const codes = Object.entries(EXIT_CODES).map(([name, code]) => [
    `  ${code}`,
    // EXIT_CODE_MEANINGS has a line for every name in EXIT_CODES.
    EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES].replaceAll('`', ''),
  ]);
  return [
    'The operating system for a production platform of microservices.',
    '',
    'Usage: fairlead <command> [flags]',
    '',
    ...table(rows),
    '',
    'Exit codes:',
    ...table(codes),
    '',
    'fairlead <command> --help explains one. Examples:',
    '  fairlead up --platform platform.ts',
    '  fairlead status',
    '',
  ].join('\n');
}

/** Arguments up to `--`, after which nothing is a flag any more. */
function flagsOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end === -1 ? args : args.slice(0, end);
}

/** The command that is meant, or the one of a group; `path` is how it is written. */
function pick(first: Command, rest: readonly string[]): { command: Command; before?: string; path: string } {
  const second = first.commands.find(({ name }) => name === rest[0]);
  return second === undefined
    ? { command: first, path: first.name }
    : { command: second, before: first.name, path: `${first.name} ${second.name}` };
}

/**
 * Runs one command line. Resolves with the exit code: one of `EXIT_CODES`. Failures are told on standard error, without a
 * stack (as a problem document in one line of JSON when `--json` is given); what is not a failure of ours is thrown.
 */
export async function runCli(terminal: Terminal, args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(overview());
    return name === undefined ? EXIT_CODES.usage : EXIT_CODES.done;
  }
  if (name === '__complete') {
    const words = await completions(COMMANDS, terminal, rest);
    terminal.out(words.map((word) => `${word}\n`).join(''));
    return EXIT_CODES.done;
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
    return EXIT_CODES.usage;
  }
  const { command, before, path } = pick(found, rest);
  const flags = flagsOf(rest);
  if (flags.includes('--help') || flags.includes('-h')) {
    terminal.out(command.help(before));
    return EXIT_CODES.done;
  }
  try {
    return await found.run(terminal, rest);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`fairlead ${path}: ${error.message}\nfairlead ${path} --help explains it.\n`);
      return EXIT_CODES.usage;
    }
    if (!(error instanceof FairleadError)) throw error;
    reportFailure(terminal, { command: path, error, asJson: flags.includes('--json') });
    return EXIT_CODES.failed;
  }
}
