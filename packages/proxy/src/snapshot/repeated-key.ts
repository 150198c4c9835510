const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Whether an object in a JSON text has a key twice, which `JSON.parse` takes silently, the last one winning: then fewer keys have come
 * out of it than are written.
 * @param value what `JSON.parse` has made of the text
 */
export function hasRepeatedKey(text: string, value: unknown): boolean {
  return keysIn(value) < keysWritten(text);
}

/** Colons that stand in no string: there is one behind each key. */
function keysWritten(text: string): number {
  let keys = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === COLON) keys += 1;
    else if (code === QUOTE) at = endOfString(text, at);
  }
  return keys;
}

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += keysIn(item);
    return keys;
  }
  // `as`: any object has members by name.
  const members = value as Readonly<Record<string, unknown>>;
  for (const key in members) keys += 1 + keysIn(members[key]);
  return keys;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE || Number.isNaN(code)) return at;
  }
}
