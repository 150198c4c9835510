import type { RE2JS, RE2JSException } from 're2js';
import { re2js } from '../on-demand.ts';

/** A regular expression that takes time in proportion to the text, whatever the text. */
export interface LinearPattern {
  /** Whether it matches the whole text. */
  matches(text: string): boolean;
  /** What every text that matches begins with; may be empty. */
  readonly literal: string;
}

/** Longer ones are a program, not a pattern. */
const MOST_LENGTH = 1_024;

/**
 * Compiles an expression in RE2's syntax, to be matched against whole texts.
 * @throws RangeError that says what is wrong: lookaround and back references among it, which no linear matcher has
 */
export function linearPattern(source: string): LinearPattern {
  if (source.length > MOST_LENGTH) throw new RangeError(`is longer than ${MOST_LENGTH} characters`);
  if (source === ANY_TEXT) return { matches: () => true, literal: '' };
  let compiled: RE2JS;
  try {
    compiled = re2js().RE2JS.compile(source);
  } catch (error) {
    if (error instanceof re2js().RE2JSException) throw new RangeError(explained(source, error), { cause: error });
    throw error;
  }
  return { matches: (text) => compiled.testExact(text), literal: literalOf(source) };
}

/** Every text. */
export const ANY_TEXT = '(?s:.*)';

/** The same for texts that begin with `startsWith` and with nothing of `unless`. */
export function narrowed(
  pattern: LinearPattern,
  { startsWith = '', unless = [] }: { readonly startsWith?: string; readonly unless?: readonly string[] },
): LinearPattern {
  if (startsWith === '' && unless.length === 0) return pattern;
  return {
    matches: (text) =>
      text.startsWith(startsWith) && !unless.some((beginning) => text.startsWith(beginning)) && pattern.matches(text),
    literal: startsWith.length > pattern.literal.length ? startsWith : pattern.literal,
  };
}

/** What is wrong with an expression, or `undefined`. */
export function patternFault(source: string): string | undefined {
  try {
    linearPattern(source);
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

function explained(source: string, error: RE2JSException): string {
  if (/\(\?<?[=!]/.test(source))
    return 'looks ahead or behind, which takes more than linear time; match the whole text';
  if (/\\[1-9]/.test(source)) return 'refers back to a group, which takes more than linear time; write it out';
  const reason = error.message.replace(/^error parsing regexp: /, '');
  return `is no regular expression in RE2's syntax: ${reason}`;
}

/** The characters before the first that means something; none when an alternative might do without them. */
function literalOf(source: string): string {
  if (source.includes('|')) return '';
  const literal = /^\^?([^\\^$.|?*+()[\]{}]*)/.exec(source)?.[1] ?? '';
  const next = source.charAt(source.startsWith('^') ? literal.length + 1 : literal.length);
  return next === '?' || next === '*' || next === '{' ? literal.slice(0, -1) : literal;
}
