import { linearPattern } from './linear-pattern.ts';
import type { TextRule, ValueRule } from './match-spec.ts';

/** Whether a text fits; `undefined` is none at all. */
export type TextTest = (text: string | undefined) => boolean;

/** Makes the test of a rule. Without members, the text must be there. */
export function textTest(rule: TextRule): TextTest {
  const { exact, oneOf, prefix, regex, present } = rule;
  if (present === false) return (text) => text === undefined;
  const parts: ((text: string) => boolean)[] = [];
  if (exact !== undefined) parts.push((text) => text === exact);
  if (oneOf !== undefined) parts.push((text) => oneOf.includes(text));
  if (prefix !== undefined) parts.push((text) => text.startsWith(prefix));
  if (regex !== undefined) {
    const pattern = linearPattern(regex);
    parts.push((text) => pattern.matches(text));
  }
  const [only] = parts;
  if (only === undefined) return (text) => text !== undefined;
  if (parts.length === 1) return (text) => text !== undefined && only(text);
  return (text) => text !== undefined && parts.every((part) => part(text));
}

/** A rule in words, to stand after the name of what it is about. */
export function textRuleWords(rule: TextRule): string {
  if (rule.present === false) return 'is absent';
  const words = [
    rule.exact === undefined ? undefined : `is ${JSON.stringify(rule.exact)}`,
    rule.oneOf === undefined ? undefined : `is one of ${rule.oneOf.map((each) => JSON.stringify(each)).join(', ')}`,
    rule.prefix === undefined ? undefined : `begins with ${JSON.stringify(rule.prefix)}`,
    rule.regex === undefined ? undefined : `matches ${rule.regex}`,
  ].filter((each) => each !== undefined);
  return words.length === 0 ? 'is there' : words.join(' and ');
}

/** Whether a value of JSON fits; `undefined` is none at all. */
export type ValueTest = (value: unknown) => boolean;

/** Makes the test of a rule. Without members, the value must be there. */
export function valueTest(rule: ValueRule): ValueTest {
  const { oneOf, regex, present } = rule;
  if (present === false) return (value) => value === undefined;
  const pattern = regex === undefined ? undefined : linearPattern(regex);
  const allowed: readonly unknown[] | undefined = oneOf;
  const fits = (value: unknown): boolean =>
    (allowed === undefined || allowed.includes(value)) &&
    (pattern === undefined || (typeof value === 'string' && pattern.matches(value)));
  return (value) => value !== undefined && (Array.isArray(value) ? value.some(fits) : fits(value));
}

/** A rule in words, to stand after the name of what it is about. */
export function valueRuleWords(rule: ValueRule): string {
  if (rule.present === false) return 'is absent';
  const words = [
    rule.oneOf === undefined ? undefined : `is ${rule.oneOf.map((each) => JSON.stringify(each)).join(' or ')}`,
    rule.regex === undefined ? undefined : `matches ${rule.regex}`,
  ].filter((each) => each !== undefined);
  return words.length === 0 ? 'is there' : words.join(' and ');
}
