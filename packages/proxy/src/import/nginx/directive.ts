/** Where something was written. */
export interface Spot {
  /** As people are told of it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** One directive of nginx: `name words;` or `name words { block }`. */
export interface Directive {
  readonly name: string;
  /** Without their quotes, escapes resolved, variables as they were written. */
  readonly words: readonly string[];
  readonly at: Spot;
  /** What stands between its braces; `undefined` when it has none. */
  readonly block: readonly Directive[] | undefined;
}
