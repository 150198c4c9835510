/** What came of one case of a suite of others. */
export interface Case {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was expected and what happened, or why it can't be run here; `undefined` when it passed. */
  readonly why: string | undefined;
}

/** Runs the suite that lies at `path`, outside of the repository. */
export type Suite = (path: string) => Promise<readonly Case[]>;

export const passed = (name: string): Case => ({ name, outcome: 'passed', why: undefined });
export const failed = (name: string, why: string): Case => ({ name, outcome: 'failed', why });
export const skipped = (name: string, why: string): Case => ({ name, outcome: 'skipped', why });

/** How many of each. */
export function countsOf(cases: readonly Case[]): Readonly<Record<Case['outcome'], number>> {
  const of = (outcome: Case['outcome']): number => cases.filter((each) => each.outcome === outcome).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}
