import type { Command } from './command.ts';
import { EXIT_CODE_MEANINGS, EXIT_CODES } from './exit-codes.ts';

function section(command: Command, before?: string): readonly string[] {
  const path = before === undefined ? command.name : `${before} ${command.name}`;
  if (command.commands.length > 0) return command.commands.flatMap((inner) => section(inner, path));
  return [`## fairlead ${path}`, '', '```text', command.help(before).trimEnd(), '```', ''];
}

/** The page of all commands, from their own tables: `docs/reference/cli.md` is this text. */
export function reference(commands: readonly Command[]): string {
  const codes = Object.entries(EXIT_CODES).map(
    // EXIT_CODE_MEANINGS has a line for every name in EXIT_CODES.
    ([name, code]) => `| ${code} | ${EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES]} |`,
  );
  return [
    '# The command `fairlead`',
    '',
    'Written by the flag tables of `packages/cli`; after a change there: `npx vitest run packages/cli/src/reference.test.ts -u`.',
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '|---|---|',
    ...codes,
    '',
    'Results go to standard output, failures to standard error. With `--json` a result is one JSON object (or one a line,',
    'where there are many), and a failure a problem document (RFC 9457) in one line. Colours are used on a terminal only, and',
    'not when `NO_COLOR` is set.',
    '',
    ...commands.flatMap((command) => section(command)),
  ].join('\n');
}
