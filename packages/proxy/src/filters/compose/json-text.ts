declare global {
  // The ECMAScript proposal JSON.parse source text access, which Node has; TypeScript's library doesn't yet.
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): { readonly rawJSON: string };
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
  }
}

/** Deeper than this nobody means it, and whatever walks it would run out of stack. */
const MOST_NESTED = 100;
/** A number that may be more than a double holds: an identifier of 64 bits, 1e400. In a text it does no harm. */
const LARGE_NUMBER = /\d{16}|\d[eE]/;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** JSON that was read; or what it is instead. */
export type ReadJson =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'bad'; readonly why: string };

/**
 * Reads JSON (RFC 8259) as strictly as it is meant: in UTF-8, and not nested beyond reason. Numbers that a double can't hold
 * keep their text, so that no identifier changes on its way.
 */
export function readJson(bytes: Buffer): ReadJson {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { kind: 'bad', why: 'is not UTF-8' };
  }
  if (isTooDeep(text)) return { kind: 'bad', why: `is nested more than ${MOST_NESTED} deep` };
  try {
    return { kind: 'value', value: LARGE_NUMBER.test(text) ? JSON.parse(text, exact) : JSON.parse(text) };
  } catch {
    return { kind: 'bad', why: 'is no JSON' };
  }
}

/** The text of a number; `undefined` for anything else. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return JSON.isRawJSON(value) ? value.rawJSON : undefined;
}

/** Whether it is an object with members, which a number that keeps its text is not. */
export function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

function exact(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return JSON.rawJSON(source);
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isWithin = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (isWithin) {
      if (character === '\\') at += 1;
      else if (character === '"') isWithin = false;
    } else if (character === '"') isWithin = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > MOST_NESTED) return true;
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return false;
}
