/** The value of a claim by its name, or by a path of names divided by dots when there is none of that name. */
export function claimAt(payload: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    // `as`: it is an object that has the member.
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

/** A claim as the value of a field: text as it is, a list of texts by commas, else JSON; `undefined` for none. */
export function claimText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
  return printable(typeof value === 'string' ? value : isList ? value.join(',') : JSON.stringify(value));
}

/** What a field can't hold is percent-encoded, so that no value breaks out of its line. */
export function printable(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}
