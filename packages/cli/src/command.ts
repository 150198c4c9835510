import { parseArgs } from 'node:util';
import { nearest } from '@fairlead/core';
import type { Completer } from './completer.ts';
import { UsageError, type Flag, type FlagTable } from './flag.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** A word that stands for itself after the command's name. */
export interface Positional {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  /** What it may be, for shell completion. Default: files, as the shell has it. */
  readonly complete?: Completer;
}

/** A command. `run` resolves with the exit code: one of `EXIT_CODES`. */
export interface CommandDefinition<F> {
  readonly name: string;
  readonly summary: string;
  readonly flags: FlagTable<F>;
  readonly positionals?: readonly Positional[];
  /** Lines that work when typed. */
  readonly examples: readonly string[];
  run(terminal: Terminal, flags: F, positionals: readonly string[]): Promise<number>;
}

/** A flag by its name on the command line, without the dashes. */
export interface NamedFlag {
  readonly name: string;
  /** What stands for its value in the help; `undefined` for a flag without one. */
  readonly value: string | undefined;
  readonly summary: string;
  readonly multiple: boolean;
  readonly complete: Completer | undefined;
}

/** A command by its name. What it is, and whatever it needs, is loaded when somebody asks for it. */
export interface NamedCommand {
  readonly name: string;
  load(): Promise<Command>;
}

/** A command whose flags' types are its own affair, or a group of commands; it loads as itself. */
export interface Command extends NamedCommand {
  readonly summary: string;
  readonly flags: readonly NamedFlag[];
  readonly positionals: readonly Positional[];
  /** The commands of a group, by their second word; empty for a command. */
  readonly commands: readonly NamedCommand[];
  /** Its help; `before` is the group's name. */
  help(before?: string): Promise<string>;
  /** @throws UsageError when the arguments are wrong; nothing has been done then */
  run(terminal: Terminal, args: readonly string[]): Promise<number>;
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Reads flags and positionals; knows every flag, or says which one was probably meant. */
function parse(
  flags: ReadonlyMap<string, Flag<unknown>>,
  args: readonly string[],
): { values: Map<string, string[]>; words: string[] } {
  const options = Object.fromEntries(
    [...flags].map(([name, flag]) => [
      name,
      {
        type: flag.value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: true,
        ...(flag.short === undefined ? {} : { short: flag.short }),
      },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const values = new Map<string, string[]>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = flags.get(token.name);
    if (flag === undefined) throw unknownFlag(token.rawName, flags.keys());
    if (flag.value === undefined && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    if (flag.value !== undefined && token.value === undefined)
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} <${flag.value}>`);
    const given = [...(values.get(token.name) ?? []), token.value ?? 'true'];
    if (given.length > 1 && !flag.multiple && flag.value !== undefined)
      throw new UsageError(`${token.rawName} is given more than once`);
    values.set(token.name, given);
  }
  return { values, words };
}

function unknownFlag(rawName: string, known: Iterable<string>): UsageError {
  const names = [...known].map((name) => `--${name}`);
  const near = nearest(rawName, names);
  return new UsageError(
    `unknown flag ${rawName}. ${near === undefined ? `It has: ${names.join(', ')}` : `Did you mean ${near}?`}`,
  );
}

function checkWords(words: readonly string[], positionals: readonly Positional[]): void {
  const missing = positionals.find(({ required }, index) => required && words[index] === undefined);
  if (missing !== undefined) throw new UsageError(`<${missing.name}> is missing: ${missing.summary}`);
  const extra = words[positionals.length];
  if (extra !== undefined) throw new UsageError(`"${extra}" is one word too many`);
}

/** Makes a command of its definition. */
export function command<F>(definition: CommandDefinition<F>): Command {
  const { name, summary, positionals = [] } = definition;
  // FlagTable<F> holds exactly one Flag per field of F.
  const fields = Object.entries(definition.flags) as [string, Flag<unknown>][];
  const flags = new Map(fields.map(([field, flag]) => [kebab(field), flag]));

  function help(before?: string): Promise<string> {
    const words = positionals.map(({ name: word, required }) => (required ? ` <${word}>` : ` [${word}]`)).join('');
    const rows = [
      ...positionals.map((word) => [`  <${word.name}>`, word.summary]),
      ...[...flags].map(([flag, { value, short, summary: about }]) => [
        `  ${short === undefined ? '' : `-${short}, `}--${flag}${value === undefined ? '' : ` <${value}>`}`,
        about,
      ]),
      ['  --help', 'show this'],
    ];
    const examples = definition.examples.map((line) => `  ${line}`);
    return Promise.resolve(
      [
        `${summary}`,
        '',
        `Usage: fairlead ${before === undefined ? '' : `${before} `}${name}${words} [flags]`,
        '',
        ...table(rows),
        '',
        'Examples:',
        ...examples,
        '',
      ].join('\n'),
    );
  }

  const made: Command = {
    name,
    load: () => Promise.resolve(made),
    summary,
    flags: [...flags].map(([flag, { value, summary: about, multiple, complete }]) => ({
      name: flag,
      value,
      summary: about,
      multiple,
      complete,
    })),
    positionals,
    commands: [],
    help,
    async run(terminal, args) {
      const { values, words } = parse(flags, args);
      checkWords(words, positionals);
      const read: Record<string, unknown> = {};
      for (const [field, flag] of fields) {
        try {
          read[field] = flag.read(values.get(kebab(field)) ?? []);
        } catch (error) {
          throw error instanceof UsageError ? new UsageError(`--${kebab(field)} ${error.message}`) : error;
        }
      }
      // Every field of F was read by its own flag just above.
      return definition.run(terminal, read as F, words);
    },
  };
  return made;
}
