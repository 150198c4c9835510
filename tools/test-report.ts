/** The part of a vitest JSON report that a summary needs. */
export interface RunReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests?: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** What a CI run says at its end. */
export interface Summary {
  readonly passed: number;
  readonly failed: number;
  /** Lines that explain what the two numbers can't: failures that are no test's, and tests that did not run. */
  readonly notes: readonly string[];
}

/**
 * Adds up test runs. What failed without a failing test counts as one failure: a step that ended badly (a check, a run
 * with an unhandled error), a file that could not be loaded, a run that left no report.
 *
 * @param reports by step name; `undefined` for a run that wrote none
 * @param failedSteps names of the steps that ended with a non-zero code
 */
export function summarise(
  reports: ReadonlyMap<string, RunReport | undefined>,
  failedSteps: readonly string[],
): Summary {
  const notes: string[] = [];
  let passed = 0;
  let failed = 0;
  const explained = new Set<string>();
  for (const [step, report] of reports) {
    if (report === undefined) {
      notes.push(`${step} left no report`);
      failed += 1;
      explained.add(step);
      continue;
    }
    const broken = report.testResults.filter(
      (file) => file.status === 'failed' && !file.assertionResults.some((each) => each.status === 'failed'),
    );
    for (const file of broken) notes.push(`${step}: ${file.name} did not run`);
    passed += report.numPassedTests;
    failed += report.numFailedTests + broken.length;
    if (report.numFailedTests + broken.length > 0) explained.add(step);
    const skipped = report.numPendingTests ?? 0;
    if (skipped > 0) notes.push(`${step}: ${skipped} skipped`);
  }
  for (const step of failedSteps) {
    if (explained.has(step)) continue;
    notes.push(`${step} failed`);
    failed += 1;
  }
  if (passed === 0 && failed === 0) {
    notes.push('no test ran');
    failed = 1;
  }
  return { passed, failed, notes };
}
