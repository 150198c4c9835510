import type { TextRule } from './match-spec.ts';
import { textRuleWords } from './text-rule.ts';

const TELLING = /auth|secret|token|passw|api-?key|x-key|cookie|session|signature|credential/i;

/** Whether a name that people have given tells that what is under it is a secret. */
export function isTelling(name: string): boolean {
  return TELLING.test(name);
}

/** A rule in words, to stand after the name of what it is about; without the value that a secret must have. */
export function namedRuleWords(name: string, rule: TextRule): string {
  const { exact, oneOf, prefix, regex } = rule;
  const hasValue = [exact, oneOf, prefix, regex].some((part) => part !== undefined);
  return hasValue && rule.present !== false && isTelling(name) ? 'has the value that is written' : textRuleWords(rule);
}
