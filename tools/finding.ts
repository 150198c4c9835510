/** One thing that a check of ours objects to. */
export interface Finding {
  /** Relative to the repository's root. */
  readonly file: string;
  /** Counted from 1; 0 for the file as a whole. */
  readonly line: number;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** `file:line  message`, as terminals link it. */
export function printFinding(finding: Finding): string {
  return `${finding.file}${finding.line > 0 ? `:${finding.line}` : ''}  ${finding.message}`;
}
