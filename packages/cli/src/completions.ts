import type { Command, NamedCommand, NamedFlag } from './command.ts';
import type { TypedLine } from './completer.ts';
import type { Terminal } from './terminal.ts';

const DEFAULTS = { 'data-dir': '.fairlead', platform: 'platform.ts' };

/** The words of a line that are no flags, and the values that its flags have. */
function takeApart(flags: readonly NamedFlag[], typed: readonly string[]) {
  const words: string[] = [];
  const values = new Map<string, string>();
  let open: NamedFlag | undefined;
  for (const word of typed) {
    if (open !== undefined) {
      values.set(open.name, word);
      open = undefined;
    } else if (word.startsWith('--')) {
      const [name = '', value] = word.slice(2).split('=', 2);
      const flag = flags.find((candidate) => candidate.name === name);
      values.set(name, value ?? '');
      if (value === undefined && flag?.value !== undefined) open = flag;
    } else words.push(word);
  }
  return { words, values, open };
}

/** What may stand where `current` is, of one command. */
async function ofCommand(
  command: Command,
  terminal: Terminal,
  typed: readonly string[],
  current: string,
): Promise<readonly string[]> {
  const { words, values, open } = takeApart(command.flags, typed);
  const line: TypedLine = {
    terminal,
    words,
    current,
    flag: (name) => values.get(name) || DEFAULTS[name],
  };
  if (open !== undefined) return (await open.complete?.(line)) ?? [];
  if (current.startsWith('-')) {
    const free = command.flags.filter(({ name, multiple }) => multiple || !values.has(name));
    return [...free.map(({ name }) => `--${name}`), '--help'];
  }
  return (await command.positionals[words.length]?.complete?.(line)) ?? [];
}

/**
 * The words that may stand at the end of a line: `typed` is what follows `fairlead`, its last word the one that is being
 * typed, which may be empty. Commands and flags come from the commands' own tables. Never rejects.
 */
export async function completions(
  commands: readonly NamedCommand[],
  terminal: Terminal,
  typed: readonly string[],
): Promise<readonly string[]> {
  const before = typed.slice(0, -1);
  const current = typed.at(-1) ?? '';
  let level = commands;
  for (const [index, word] of before.entries()) {
    const found = await level.find(({ name }) => name === word)?.load();
    if (found === undefined) return [];
    if (found.commands.length === 0) {
      const words = await ofCommand(found, terminal, before.slice(index + 1), current).catch(() => []);
      return words.filter((candidate) => candidate.startsWith(current));
    }
    level = found.commands;
  }
  return [...level.map(({ name }) => name), '--help'].filter((candidate) => candidate.startsWith(current));
}
