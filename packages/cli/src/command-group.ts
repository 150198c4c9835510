import { nearest } from '@fairlead/core';
import type { Command, NamedCommand } from './command.ts';
import { UsageError } from './flag.ts';
import { table } from './table.ts';

/** Commands of two words that share the first, such as `dlq list` and `dlq show`. */
export interface GroupDefinition {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly NamedCommand[];
}

/** Makes a group of its commands. */
export function commandGroup({ name, summary, commands }: GroupDefinition): Command {
  const group: Command = {
    name,
    load: () => Promise.resolve(group),
    summary,
    flags: [],
    positionals: [],
    commands,
    async help() {
      const all = await Promise.all(commands.map((command) => command.load()));
      const rows = all.map((command) => [`  ${command.name}`, command.summary]);
      return [
        summary,
        '',
        `Usage: fairlead ${name} <command> [flags]`,
        '',
        ...table(rows),
        '',
        `fairlead ${name} <command> --help explains one.`,
        '',
      ].join('\n');
    },
    async run(terminal, [word, ...rest]) {
      const names = commands.map((command) => command.name);
      if (word === undefined || word.startsWith('-')) throw new UsageError(`which? ${names.join(', ')}`);
      const found = commands.find((command) => command.name === word);
      if (found !== undefined) return (await found.load()).run(terminal, rest);
      const near = nearest(word, names);
      throw new UsageError(
        `unknown command "${word}". ${near === undefined ? `There are: ${names.join(', ')}` : `Did you mean "${near}"?`}`,
      );
    },
  };
  return group;
}
