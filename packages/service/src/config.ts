import { Secret } from './secret.ts';

/** What every configuration field says about itself. */
export interface FieldOptions<T> {
  /** Environment variable, in capitals. `<env>_FILE` may name a file that holds the value instead. */
  readonly env: string;
  /** Used when the variable is not set (an empty one counts as not set). Default: the variable is required. */
  readonly default?: T;
  /** One sentence for the people who have to set it. Default: none. */
  readonly describe?: string;
}

/** What became of a text. */
export type Parsed<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'problem'; readonly problem: string };

/** One configuration field: where its value comes from, and how text becomes a value. */
export interface Field<T> {
  readonly env: string;
  readonly describe: string | undefined;
  /** What the text must be, as people read it: `a whole number from 1 to 100`. */
  readonly expected: string;
  /** Its value when the variable is not set; `undefined` when it must be set. */
  readonly fallback: { readonly value: T } | undefined;
  /** Whether the text is kept out of messages. */
  readonly secret: boolean;
  /** Never throws: a problem is an answer. */
  parse(text: string): Parsed<T>;
}

/** A service's configuration: a field for each name that its code uses. */
export type ConfigShape = Readonly<Record<string, Field<unknown>>>;

/** The values that a shape yields. */
export type ConfigValues<Config extends ConfigShape> = {
  readonly [Name in keyof Config]: Config[Name] extends Field<infer T> ? T : never;
};

const ENV_NAME = /^[A-Z][A-Z0-9_]*$/;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
};

/**
 * Text of at least one character, as it is.
 * @throws RangeError when `env` is not a name in capitals (so does every other builder)
 */
export function string(options: FieldOptions<string>): Field<string> {
  return field(options, 'text', (text) => text);
}

/** A whole number, optionally within `min` and `max` (both included; default: the safe integers). */
export function integer(
  options: FieldOptions<number> & { readonly min?: number; readonly max?: number },
): Field<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return field(options, `a whole number${range(options.min, options.max)}`, (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined;
  });
}

/** `true` or `false`; `yes`/`no`, `on`/`off` and `1`/`0` are understood too. */
export function boolean(options: FieldOptions<boolean>): Field<boolean> {
  return field(options, 'true or false', (text) =>
    Object.hasOwn(WORDS, text.toLowerCase()) ? WORDS[text.toLowerCase()] : undefined,
  );
}

/** A time span such as `250ms`, `2s`, `1.5m` or `1h`. The value (and the default) is in milliseconds. */
export function duration(options: FieldOptions<number>): Field<number> {
  return field(options, 'a time span such as 250ms, 2s, 1.5m or 1h', (text) => {
    const [, amount, unit] = DURATION.exec(text) ?? [];
    return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  });
}

/** An absolute URL. `protocols` narrows it (`['https:']`); default: any. The default is given as text. */
export function url(options: FieldOptions<string> & { readonly protocols?: readonly string[] }): Field<URL> {
  const { default: fallback, protocols, ...rest } = options;
  const kinds = protocols === undefined ? '' : ` with ${protocols.join(' or ')}`;
  return field<URL>(
    fallback === undefined ? rest : { ...rest, default: new URL(fallback) },
    `an absolute URL${kinds}`,
    (text) => {
      const parsed = URL.parse(text);
      return parsed !== null && (protocols === undefined || protocols.includes(parsed.protocol)) ? parsed : undefined;
    },
  );
}

/** One of the given words, exactly. */
export function oneOf<const T extends string>(values: readonly T[], options: FieldOptions<NoInfer<T>>): Field<T> {
  return field<T>(options, `one of ${values.join(', ')}`, (text) => values.find((value) => value === text));
}

/**
 * A value that is never printed: it comes wrapped, messages don't show it, and telemetry removes it wherever it
 * appears. Best given through `<env>_FILE`. It has no default on purpose.
 */
export function secret(options: Omit<FieldOptions<string>, 'default'>): Field<Secret> {
  return { ...field<Secret>(options, 'text', (text) => new Secret(text)), secret: true };
}

/** The same field, with `undefined` for a variable that is not set. */
export function optional<T>(required: Field<T>): Field<T | undefined> {
  return { ...required, fallback: { value: undefined } };
}

/** A field of a kind of its own; `read` answers `undefined` for text that is not one. */
export function field<T>(options: FieldOptions<T>, expected: string, read: (text: string) => T | undefined): Field<T> {
  if (!ENV_NAME.test(options.env)) {
    throw new RangeError(
      `Configuration field: env "${options.env}" is not a name in capitals, digits and underscores.`,
    );
  }
  return {
    env: options.env,
    describe: options.describe,
    expected,
    fallback: options.default === undefined ? undefined : { value: options.default },
    secret: false,
    parse(text) {
      const value = read(text);
      return value === undefined ? { kind: 'problem', problem: `must be ${expected}` } : { kind: 'value', value };
    },
  };
}

function range(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}
