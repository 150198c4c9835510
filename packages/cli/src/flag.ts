import type { Completer } from './completer.ts';

/** One flag of a command. */
export interface Flag<T> {
  /** What stands for its value in the help; `undefined` for a flag without one. */
  readonly value: string | undefined;
  readonly summary: string;
  /** May be given more than once. */
  readonly multiple: boolean;
  /** One letter that stands for its name behind a single dash. Default none. */
  readonly short?: string;
  /** What its value may be, for shell completion. Default: files, as the shell has it. */
  readonly complete?: Completer;
  /**
   * Its value from the texts that were given (none: not given; for a flag without a value, `['true']`).
   * @throws UsageError without the flag's name, which the parser adds
   */
  read(given: readonly string[]): T;
}

/** A flag for every field: one that is forgotten does not compile. Field `gatewayPort` is `--gateway-port`. */
export type FlagTable<F> = { readonly [Name in keyof F]-?: Flag<F[Name]> };

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** On or off. */
export function toggle(summary: string): Flag<boolean> {
  return { value: undefined, summary, multiple: false, read: (given) => given.length > 0 };
}

/** A text with a default. */
export function text(summary: string, value: string, fallback: string): Flag<string> {
  return { value, summary: `${summary} (default ${fallback})`, multiple: false, read: ([given]) => given ?? fallback };
}

/** A text that may be left out. */
export function optionalText(summary: string, value: string): Flag<string | undefined> {
  return { value, summary, multiple: false, read: ([given]) => given };
}

/** A text that must be given. */
export function requiredText(summary: string, value: string): Flag<string> {
  return {
    value,
    summary,
    multiple: false,
    read([given]) {
      if (given === undefined || given === '') throw new UsageError(`is missing: ${summary}`);
      return given;
    },
  };
}

/** Texts, given one by one. */
export function texts(summary: string, value: string): Flag<readonly string[]> {
  return { value, summary: `${summary} (may be given more than once)`, multiple: true, read: (given) => given };
}

/** A whole number between two, with a default. */
export function whole(
  summary: string,
  value: string,
  limits: { readonly min: number; readonly max: number; readonly fallback: number },
): Flag<number> {
  const { min, max, fallback } = limits;
  return {
    value,
    summary: `${summary} (default ${fallback})`,
    multiple: false,
    read([given]) {
      if (given === undefined) return fallback;
      const number = Number(given);
      if (!/^\d+$/.test(given) || number < min || number > max)
        throw new UsageError(`takes a whole number from ${min} to ${max}, not "${given}"`);
      return number;
    },
  };
}

/** One of some words, with a default. */
export function choice<const T extends string>(summary: string, values: readonly T[], fallback: T): Flag<T> {
  return {
    value: values.join('|'),
    summary: `${summary} (default ${fallback})`,
    multiple: false,
    complete: async () => values,
    read([given]) {
      const found = values.find((value) => value === (given ?? fallback));
      if (found === undefined) throw new UsageError(`is one of ${values.join(', ')}, not "${given}"`);
      return found;
    },
  };
}

/** Words with commas between them, also given one by one. */
export function words(summary: string, value: string): Flag<readonly string[]> {
  return {
    value,
    summary: `${summary}, with commas between them`,
    multiple: true,
    read(given) {
      const found = given.flatMap((text) => text.split(','));
      if (found.includes('')) throw new UsageError(`takes names with commas between them, not "${given.join(',')}"`);
      return found;
    },
  };
}

/** A TCP port; 0 means any free one. */
export function port(summary: string, fallback: number): Flag<number> {
  return whole(`${summary}; 0 takes a free one`, 'port', { min: 0, max: 65_535, fallback });
}

/** The same flag, also by one letter behind a single dash. */
export function shortAs<T>(letter: string, flag: Flag<T>): Flag<T> {
  return { ...flag, short: letter };
}

/** The same flag, with what its value may be. */
export function completedBy<T>(flag: Flag<T>, complete: Completer): Flag<T> {
  return { ...flag, complete };
}

/** A duration such as `90s`, `15m`, `1h`, `7d`, in seconds. */
export function duration(summary: string, fallback: string): Flag<number> {
  return {
    value: 'duration',
    summary: `${summary}, such as 90s, 15m, 1h, 7d (default ${fallback})`,
    multiple: false,
    read([given]) {
      const [, amount, unit] = /^(\d+)([smhd])$/.exec(given ?? fallback) ?? [];
      const seconds = Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
      if (!(seconds > 0)) throw new UsageError(`takes a duration such as 90s, 15m, 1h or 7d, not "${given}"`);
      return seconds;
    },
  };
}
