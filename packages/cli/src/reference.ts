import type { NamedCommand } from './command.ts';
import { EXIT_CODE_MEANINGS, EXIT_CODES } from './exit-codes.ts';

async function section(named: NamedCommand, before?: string): Promise<readonly string[]> {
  const command = await named.load();
  const path = before === undefined ? command.name : `${before} ${command.name}`;
  if (command.commands.length > 0) return sections(command.commands, path);
  return [`## fairlead ${path}`, '', '```text', (await command.help(before)).trimEnd(), '```', ''];
}

async function sections(commands: readonly NamedCommand[], before?: string): Promise<readonly string[]> {
  return (await Promise.all(commands.map((command) => section(command, before)))).flat();
}

/** The page of all commands, from their own tables: `docs/reference/cli.md` is this text. */
export async function reference(commands: readonly NamedCommand[]): Promise<string> {
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
    ...(await sections(commands)),
  ].join('\n');
}
