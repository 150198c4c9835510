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

/** Writes fields and messages as JSON members. */
export interface LineWriter {
  /** `,"name":value` for each field, without secrets; '' for none. */
  fields(fields: LogFields | undefined): string;
  /** The message as JSON text, without secrets. */
  message(text: string): string;
}

/**
 * A writer that looks for secrets in the whole text of plain fields at once, since hardly a line has one; where it might,
 * and where a field is more than a word or a number, each value is redacted by itself.
 */
export function lineWriter(redaction: Redaction): LineWriter {
  const keys = new Map<string, string>();

  function keyOf(name: string): string {
    const known = keys.get(name);
    if (known !== undefined) return known;
    const key = `,${JSON.stringify(OWN_MEMBERS.has(name) ? `field.${name}` : name)}:`;
    if (keys.size < MAX_KNOWN_NAMES) keys.set(name, key);
    return key;
  }

  /** `undefined` when there is something that must be looked at closer. */
  function plainFields(fields: LogFields): string | undefined {
    let text = '';
    for (const name of Object.keys(fields)) {
      const value = fields[name];
      if (value === undefined) continue;
      if (typeof value === 'string') text += keyOf(name) + JSON.stringify(value);
      else if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
        text += keyOf(name) + String(value);
      else return undefined;
      if (value !== null && redaction.isSecretName(name)) return undefined;
    }
    return redaction.mayHide(text) ? undefined : text;
  }

  function redactedFields(fields: LogFields): string {
    const copied = redaction.value(fields);
    // A getter that throws leaves a text that says so in place of the fields.
    const safe = typeof copied === 'object' && copied !== null ? copied : { fields: copied };
    let text = '';
    for (const [name, value] of Object.entries(safe)) {
      const json = JSON.stringify(value);
      if (json !== undefined) text += keyOf(name) + json;
    }
    return text;
  }

  return {
    fields(fields) {
      if (fields === undefined) return '';
      try {
        return plainFields(fields) ?? redactedFields(fields);
      } catch {
        // A getter has thrown: the copy says so, for logging never throws.
        return redactedFields(fields);
      }
    },
    message(text) {
      const json = JSON.stringify(text);
      return redaction.mayHide(json) ? JSON.stringify(redaction.text(text)) : json;
    },
  };
}
