import { FairleadError } from '@fairlead/core';
import type { Command } from './command.ts';
import { reportFailure } from './failure-report.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { UsageError } from './flag.ts';
import type { Terminal } from './terminal.ts';

/** A command, and the group's name if it is one of a group. */
export interface FoundCommand {
  readonly command: Command;
  readonly group?: string;
}

/** Arguments up to `--`, after which nothing is a flag any more. */
function flagsOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end === -1 ? args : args.slice(0, end);
}

/** Runs a command, or explains it, and tells its failures; see `runCli`. */
export async function runCommand(
  terminal: Terminal,
  { command, group }: FoundCommand,
  args: readonly string[],
): Promise<number> {
  const path = group === undefined ? command.name : `${group} ${command.name}`;
  const flags = flagsOf(args);
  if (flags.includes('--help') || flags.includes('-h')) {
    terminal.out(await command.help(group));
    return EXIT_CODES.done;
  }
  try {
    return await command.run(terminal, args);
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
