import { toProblem, type FairleadError } from '@fairlead/core';
import { issueLines } from './problem-lines.ts';
import type { Terminal } from './terminal.ts';

/** Tells a failure on standard error: as sentences, or as a problem document in one line of JSON. */
export function reportFailure(
  terminal: Terminal,
  failure: {
    readonly command: string;
    readonly error: FairleadError;
    readonly asJson: boolean;
    readonly next?: string;
  },
): void {
  const { command, error, asJson, next } = failure;
  if (asJson) {
    // At an edge an internal failure says nothing of itself; here its owner asks.
    const problem = { ...toProblem(error), detail: error.message };
    terminal.err(`${JSON.stringify(problem)}\n`);
    return;
  }
  const lines = [
    `fairlead ${command}: ${error.message}`,
    ...issueLines(error.details['issues']),
    ...(next === undefined ? [] : [next]),
  ];
  terminal.err(`${lines.join('\n')}\n`);
}
