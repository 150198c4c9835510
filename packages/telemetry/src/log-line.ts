import type { LogFields } from './logger.ts';
import type { Redaction } from './redaction.ts';

/** Members that the logger itself writes; a field of such a name is written as `field.<name>`. */
const OWN_MEMBERS = new Set([
  'level',
  'time',
  'service',
  'instance',
  'msg',
  'traceId',
  'spanId',
  'tenant',
  'requestId',
  'correlationId',
]);
const MAX_KNOWN_NAMES = 1000;

/** A field's name. */
interface FieldName {
  /** As it begins a member. */
  readonly key: string;
  readonly isSecret: boolean;
}

/** Writes fields and messages as JSON members. */
export interface LineWriter {
  /** `,"name":value` for each field, without secrets; '' for none. */
  fields(fields: LogFields | undefined): string;
  /** The fields, then `,"msg":` and the message as JSON text; all without secrets. */
  rest(fields: LogFields | undefined, message: string): string;
}

/**
 * A writer that looks for secrets in the whole text of plain fields and message at once, since hardly a line has one; where it might,
 * and where a field is more than a word or a number, each value is redacted by itself.
 */
export function lineWriter(redaction: Redaction): LineWriter {
  const names = new Map<string, FieldName>();

  function named(name: string): FieldName {
    const known = names.get(name);
    if (known !== undefined) return known;
    const key = `,${JSON.stringify(OWN_MEMBERS.has(name) ? `field.${name}` : name)}:`;
    const made = { key, isSecret: redaction.isSecretName(name) };
    if (names.size < MAX_KNOWN_NAMES) names.set(name, made);
    return made;
  }

  /** `undefined` when there is something that must be looked at closer. */
  function plainFields(fields: LogFields): string | undefined {
    let text = '';
    for (const name of Object.keys(fields)) {
      const value = fields[name];
      if (value === undefined) continue;
      const { key, isSecret } = named(name);
      if (isSecret && value !== null) return undefined;
      if (typeof value === 'string') text += key + quoted(value);
      else if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
        text += key + String(value);
      else return undefined;
    }
    return text;
  }

  function redactedFields(fields: LogFields): string {
    const copied = redaction.value(fields);
    // A getter that throws leaves a text that says so in place of the fields.
    const safe = typeof copied === 'object' && copied !== null ? copied : { fields: copied };
    let text = '';
    for (const [name, value] of Object.entries(safe)) {
      const json = JSON.stringify(value);
      if (json !== undefined) text += named(name).key + json;
    }
    return text;
  }

  /** Plain fields and `end` in one text; `undefined` when there is something that must be looked at closer. */
  function plain(fields: LogFields | undefined, end: string): string | undefined {
    try {
      const text = fields === undefined ? '' : plainFields(fields);
      if (text === undefined) return undefined;
      const whole = text + end;
      return redaction.mayHide(whole) ? undefined : whole;
    } catch {
      // A getter has thrown: the copy will say so, for logging never throws.
      return undefined;
    }
  }

  function fields(given: LogFields | undefined): string {
    return plain(given, '') ?? (given === undefined ? '' : redactedFields(given));
  }

  return {
    fields,
    rest(given, message) {
      const whole = plain(given, `,"msg":${quoted(message)}`);
      if (whole !== undefined) return whole;
      return `${fields(given)},"msg":${JSON.stringify(redaction.text(message))}`;
    },
  };
}

/** What JSON writes as it is, between quotes; most texts of a line are nothing else. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

/** As `JSON.stringify`, for texts that are mostly short and plain. */
export function quoted(text: string): string {
  return text.length < 64 && UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}
