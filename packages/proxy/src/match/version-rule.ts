import type { PassageFacts } from '../engine/filter.ts';
import type { VersionRule } from './match-spec.ts';

/** Makes the test of a rule about versions; those in the path are part of the path. */
export function versionTest(rule: VersionRule): (facts: PassageFacts) => boolean {
  const { isDefault } = rule;
  if (rule.by === 'media-type') {
    return ({ fields }) => {
      const found = mediaTypeVersion(fields.get('accept')) ?? mediaTypeVersion(fields.get('content-type'));
      return found === undefined ? isDefault : found === rule.is;
    };
  }
  const { header } = rule;
  if (rule.by === 'header') {
    return ({ fields }) => {
      const found = fields.get(header);
      return found === undefined ? isDefault : found === rule.is;
    };
  }
  const { from, until } = rule;
  return ({ fields }) => {
    const found = fields.get(header);
    if (found === undefined) return isDefault;
    // Days written as ISO 8601 are in the order of their texts.
    return isDay(found) && found >= from && (until === undefined || found < until);
  };
}

/** A rule in words. */
export function versionRuleWords(rule: VersionRule): string {
  const otherwise = rule.isDefault ? ', or none is asked for' : '';
  if (rule.by === 'media-type') return `the media type's version is ${JSON.stringify(rule.is)}${otherwise}`;
  if (rule.by === 'header') return `the version in ${rule.header} is ${JSON.stringify(rule.is)}${otherwise}`;
  const end = rule.until === undefined ? '' : ` and before ${rule.until}`;
  return `the day in ${rule.header} is from ${rule.from}${end}${otherwise}`;
}

/** Whether a text is a day such as `2026-01-31`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The version that a list of media types asks for first, by a parameter or in the vendor's name. */
function mediaTypeVersion(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  for (const type of value.split(',')) {
    const [name = '', ...parameters] = type.split(';').map((part) => part.trim());
    for (const parameter of parameters) {
      const found = /^(?:version|v)="?([^"]*)"?$/i.exec(parameter)?.[1];
      if (found !== undefined) return found;
    }
    const found = /^[^/]+\/vnd\.[^/]*?\.v(\d[\w.-]*?)(?:\+[\w.-]+)?$/i.exec(name)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}
