/** What came of one case of a suite of others. */
export interface Case {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was expected and what happened, or why it can't be run here; `undefined` when it passed. */
  readonly why: string | undefined;
  /** How it passed, where there are several ways. Default: there is one. */
  readonly note?: string;
}

/** Runs the suite that lies at `path`, outside of the repository. */
export type Suite = (path: string) => Promise<readonly Case[]>;

export const passed = (name: string): Case => ({ name, outcome: 'passed', why: undefined });
/** Passed, in one of several ways. */
export const noted = (name: string, note: string): Case => ({ name, outcome: 'passed', why: undefined, note });
export const failed = (name: string, why: string): Case => ({ name, outcome: 'failed', why });
export const skipped = (name: string, why: string): Case => ({ name, outcome: 'skipped', why });

/** How many of each. */
export function countsOf(cases: readonly Case[]): Readonly<Record<Case['outcome'], number>> {
  const of = (outcome: Case['outcome']): number => cases.filter((each) => each.outcome === outcome).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** In which ways cases passed, the most frequent first. */
export function waysOf(cases: readonly Case[]): readonly (readonly [note: string, count: number])[] {
  const groups = Map.groupBy(
    cases.filter(({ note }) => note !== undefined),
    ({ note = '' }) => note,
  );
  return [...groups].map(([note, group]) => [note, group.length] as const).toSorted(([, a], [, b]) => b - a);
}
