import { nearest } from '@fairlead/core';
import { z } from 'zod';
import type { PlacedProblem, Place } from './snapshot-problem.ts';

type Issue = z.core.$ZodIssue;

/**
 * What zod is to say where the form says nothing itself. For unknown keys it is the known ones, with commas between them:
 * only here are they known, and `shapeProblems` makes the sentence.
 */
export const issueMessage: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'unrecognized_keys') {
    const form: unknown = issue.inst;
    return form instanceof z.ZodObject ? Object.keys(form.shape).join(', ') : '';
  }
  if (issue.code === 'invalid_type') return wrongType([nounOf(issue.expected)], issue.input);
  if (issue.code === 'invalid_value')
    return wrongType(
      issue.values.map((value) => shown(value)),
      issue.input,
    );
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`;
  return undefined;
};

/** Stands for a text that is not to be quoted. */
const A_TEXT = Symbol('a text');

/** The same of what may be a secret: what was found there is not quoted. */
export const quietIssueMessage: z.core.$ZodErrorMap = (issue) =>
  // `as`: of what was found, messages say only what it is.
  issueMessage(typeof issue.input === 'string' ? ({ ...issue, input: A_TEXT } as unknown as typeof issue) : issue);

/** Zod's issues as sentences, each with its place; of a choice, those of the form that was probably meant. */
export function shapeProblems(issues: readonly Issue[], before: Place = []): PlacedProblem[] {
  return issues.flatMap((issue) => {
    const place = [...before, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        place: [...place, key],
        isKey: true,
        message: unknownKey(key, issue.message),
      }));
    }
    if (issue.code === 'invalid_union') return choiceProblems(issue.errors, place);
    if (issue.code === 'invalid_key')
      return [{ place, isKey: true, message: issue.issues.map((inner) => inner.message).join('; ') }];
    return [{ place, message: issue.message }];
  });
}

function choiceProblems(choices: readonly (readonly Issue[])[], place: Place): PlacedProblem[] {
  const meant = choices
    .filter((issues) => !issues.some((issue) => isWrongType(issue)))
    .toSorted((a, b) => mismatches(a) - mismatches(b) || a.length - b.length);
  const [best] = meant;
  if (best !== undefined) return shapeProblems(best, place);
  // Every choice is of another type; those within a choice count as choices, too.
  const roots = choices.flatMap((issues) => rootIssues(issues));
  const wanted = [...new Set(roots.map((issue) => wantedOf(issue.message)))];
  const [first] = roots;
  if (first?.message.startsWith(MISSING)) return [{ place, message: `${MISSING}${alternatives(wanted)}` }];
  return [{ place, message: `must be ${alternatives(wanted)}${foundOf(first?.message ?? '')}` }];
}

/** A choice that is told apart by a word, such as `kind`, and has another. */
function mismatches(issues: readonly Issue[]): number {
  return issues.filter(({ code, path }) => code === 'invalid_value' && path.length === 1).length;
}

function isWrongType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((inner) => inner.some((each) => isWrongType(each)));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function rootIssues(issues: readonly Issue[]): readonly Issue[] {
  return issues.flatMap((issue) => (issue.code === 'invalid_union' ? issue.errors.flatMap(rootIssues) : [issue]));
}

function unknownKey(key: string, known: string): string {
  const suggestion = nearest(key, known.split(', '));
  return suggestion === undefined
    ? `is no known key; known here: ${known}`
    : `is no known key; did you mean ${JSON.stringify(suggestion)}?`;
}

const NOUNS: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  null: 'null',
};

function nounOf(expected: string): string {
  return NOUNS[expected] ?? `a ${expected}`;
}

const MISSING = 'is missing; it must be ';

function wrongType(wanted: readonly string[], value: unknown): string {
  if (value === undefined) return `${MISSING}${alternatives(wanted)}`;
  return `must be ${alternatives(wanted)}, and is ${typeOf(value)}`;
}

/** The part of such a sentence that says what is wanted, and the one that says what was found. */
function wantedOf(message: string): string {
  return /^(?:is missing; it )?must be (.*?)(?:, and is .*)?$/.exec(message)?.[1] ?? message;
}
function foundOf(message: string): string {
  return /, and is .*$/.exec(message)?.[0] ?? '';
}

function alternatives(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === A_TEXT) return 'a text';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : shown(value);
}

function shown(value: unknown): string {
  return typeof value === 'bigint' || typeof value === 'symbol' ? String(value) : (JSON.stringify(value) ?? 'nothing');
}
