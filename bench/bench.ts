/** Something measured. Its id never changes: results are compared over the years by it. */
export interface Row {
  /** Lower-case words, such as `derive` or `warm-start`. */
  readonly id: string;
  /** Of one value, such as `ns/op`, `s` or `req/s`. */
  readonly unit: string;
  /** Which way is good. */
  readonly better: 'lower' | 'higher';
  /** The value that is promised; `undefined` when nothing is. */
  readonly goal?: number;
  /**
   * Makes this row ours ÷ theirs, of another row: each round's two values are divided, for they met the machine in the
   * same state. Nobody measures such a row. `by` is the subject that stands for ours. Default: the benchmark's own. A round
   * in which either has less of the row `where` than `atLeast` does not count. When none counts, the median is that of all, and
   * keeps no goal and misses none.
   */
  readonly ratio?: {
    readonly of: string;
    readonly to: string;
    readonly by?: string;
    readonly where?: { readonly row: string; readonly atLeast: number };
  };
}

/** A program that measures the rows, itself or for comparison, and prints `{ "<row id>": number }` as its last line. */
export interface Subject {
  readonly name: string;
  /** Relative to bench/. */
  readonly file: string;
  readonly args?: readonly string[];
}

/** One benchmark. */
export interface Bench {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Ours. */
  readonly subject: Subject;
  /** What ours is held against; may measure fewer rows. */
  readonly peers: readonly Subject[];
  /** Whether the peers' packages (bench/peers) must be installed. Default false. */
  readonly needsPeers?: boolean;
  /** How often each subject runs, in a process of its own. Default 5. */
  readonly rounds?: number;
  /** The longest that one process may take, in milliseconds. Default 120 000. */
  readonly timeoutMs?: number;
}
