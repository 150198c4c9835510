/**
 * The command `fairlead`.
 *
 * - `command.ts`, `command-group.ts`, `flag.ts`: what a command is; its flags, read and explained from one table
 * - `completions.ts`: what may come next on a line, from the same tables; `known-names.ts` asks the platform
 * - `reference.ts`: the same tables as a page; `exit-codes.ts`: what a command's end says
 * - `commands/`: one file a command; `run-command.ts` runs it and tells how it ended
 * - `live-table.ts`, `event-lines.ts`: what `up` shows on a terminal, and elsewhere
 * - `trace-tree.ts`, `log-line.ts`, `table.ts`, `colour.ts`: how things look
 * - `running.ts`: finds the platform that runs on a data directory
 * - `terminal.ts`: where commands read and write; `command-process.ts`: the process, `main.ts` of any command and
 *   `gateway-run/main.ts` of one
 */
import { nearest } from '@fairlead/core';
import type { NamedCommand } from './command.ts';
import { completions } from './completions.ts';
import { EXIT_CODES, EXIT_CODE_MEANINGS } from './exit-codes.ts';
import { runCommand } from './run-command.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Every command, in the order of the overview; each is loaded when it is asked for, with all that it needs. */
export const COMMANDS: readonly NamedCommand[] = [
  { name: 'init', load: async () => (await import('./commands/init.ts')).init },
  { name: 'add', load: async () => (await import('./commands/add.ts')).add },
  { name: 'up', load: async () => (await import('./commands/up.ts')).up },
  { name: 'down', load: async () => (await import('./commands/down.ts')).down },
  { name: 'status', load: async () => (await import('./commands/status.ts')).status },
  { name: 'logs', load: async () => (await import('./commands/logs.ts')).logs },
  { name: 'trace', load: async () => (await import('./commands/trace.ts')).trace },
  { name: 'call', load: async () => (await import('./commands/call.ts')).call },
  { name: 'events', load: async () => (await import('./commands/events.ts')).events },
  { name: 'dlq', load: async () => (await import('./commands/dlq.ts')).dlq },
  { name: 'jobs', load: async () => (await import('./commands/jobs.ts')).jobs },
  { name: 'saga', load: async () => (await import('./commands/saga.ts')).saga },
  { name: 'views', load: async () => (await import('./commands/views.ts')).views },
  { name: 'db', load: async () => (await import('./commands/db.ts')).db },
  { name: 'token', load: async () => (await import('./commands/token.ts')).token },
  { name: 'check', load: async () => (await import('./commands/check.ts')).check },
  { name: 'gateway', load: async () => (await import('./commands/gateway.ts')).gateway },
  { name: 'import', load: async () => (await import('./commands/import.ts')).importCommand },
  { name: 'route', load: async () => (await import('./commands/route.ts')).route },
  { name: 'completion', load: async () => (await import('./commands/completion.ts')).completion },
];

async function overview(): Promise<string> {
  const all = await Promise.all(COMMANDS.map((command) => command.load()));
  const rows = all.map(({ name, summary }) => [`  ${name}`, summary]);
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

/**
 * Runs one command line. Resolves with the exit code: one of `EXIT_CODES`. Failures are told on standard error, without a
 * stack (as a problem document in one line of JSON when `--json` is given); what is not a failure of ours is thrown.
 */
export async function runCli(terminal: Terminal, args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(await overview());
    return name === undefined ? EXIT_CODES.usage : EXIT_CODES.done;
  }
  if (name === '__complete') {
    const words = await completions(COMMANDS, terminal, rest);
    terminal.out(words.map((word) => `${word}\n`).join(''));
    return EXIT_CODES.done;
  }
  const found = await COMMANDS.find((candidate) => candidate.name === name)?.load();
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
  const [word, ...others] = rest;
  const second = await found.commands.find((command) => command.name === word)?.load();
  return second === undefined
    ? runCommand(terminal, { command: found }, rest)
    : runCommand(terminal, { command: second, group: name }, others);
}
