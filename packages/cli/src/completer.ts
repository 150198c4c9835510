import type { Terminal } from './terminal.ts';

/** What is known of a command line that is being typed. */
export interface TypedLine {
  readonly terminal: Terminal;
  /** Words after the command's name that are no flags, without the one that is being typed. */
  readonly words: readonly string[];
  /** The word that is being typed; empty when it has not begun. */
  readonly current: string;
  /** Value of a flag as it stands on the line, or its default. */
  flag(name: 'data-dir' | 'platform'): string;
}

/**
 * What a word may be. Words that don't begin with `line.current` are left out afterwards; a rejection is no word at all,
 * since nobody wants to read errors while typing.
 */
export type Completer = (line: TypedLine) => Promise<readonly string[]>;
