import type { Secret } from './secret.ts';

/** What every configuration field says about itself. */
export interface FieldOptions<T> {
  /** Environment variable. `<env>_FILE` may name a file that holds the value instead. */
  readonly env: string;
  /** Used when the variable is not set (an empty one counts as not set). Default: the variable is required. */
  readonly default?: T;
  /** One sentence for people who have to set it. */
  readonly describe?: string;
}

/** One configuration field: where its value comes from, and how the text becomes a value. */
export interface Field<T> {
  /** What the text must be, for messages: `a whole number from 1 to 100`. */
  readonly expected: string;
  readonly env: string;
  readonly describe: string | undefined;
  /** Its value when the variable is not set; `undefined` when it must be set. */
  readonly fallback: { readonly value: T } | undefined;
  /** Whether values are hidden in messages. */
  readonly secret: boolean;
  /** Throws nothing: a problem is an answer. */
  parse(text: string): { readonly kind: 'value'; readonly value: T } | { readonly kind: 'problem'; readonly problem: string };
}

/** A service's configuration: its name for each field. */
export type ConfigShape = Readonly<Record<string, Field<unknown>>>;

/** The values that a shape yields. */
export type ConfigValues<Config extends ConfigShape> = {
  readonly [Name in keyof Config]: Config[Name] extends Field<infer T> ? T : never;
};

/** Text of any length from 1. */
export declare function string(options: FieldOptions<string>): Field<string>;
/** A whole number. */
export declare function integer(options: FieldOptions<number> & { readonly min?: number; readonly max?: number }): Field<number>;
/** `true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off`. */
export declare function boolean(options: FieldOptions<boolean>): Field<boolean>;
/** `250ms`, `2s`, `1.5m`, `1h`; the value is in milliseconds. */
export declare function duration(options: FieldOptions<number>): Field<number>;
/** An absolute URL. */
export declare function url(options: FieldOptions<string> & { readonly protocols?: readonly string[] }): Field<URL>;
/** One of the given words. */
export declare function oneOf<const T extends string>(values: readonly T[], options: FieldOptions<NoInfer<T>>): Field<T>;
/** A value that is never printed. */
export declare function secret(options: FieldOptions<string>): Field<Secret>;
