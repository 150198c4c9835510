/** What filters have set or left out, by lower-case name. */
export type Edits = Map<string, string | undefined>;

/** Whole lines with edits. */
export function withEdits(lines: string, edits: Edits): string {
  let edited = withoutEdited(lines, edits);
  for (const [name, value] of edits) if (value !== undefined) edited += `${name}: ${value}\r\n`;
  return edited;
}

/** Whole lines, but those of this name. */
export function withoutLine(lines: string, name: string): string {
  return withoutEdited(lines, new Set([name]));
}

/** Whole lines, but those whose name is edited. */
export function withoutEdited(kept: string, edits: Names): string {
  /** A bit for each length that an edited name has: of most lines that tells enough. */
  let lengths = 0;
  for (const name of edits.keys()) lengths |= 1 << name.length;
  let lines = '';
  /** Where those begin that stay and are not in `lines` yet. */
  let from = 0;
  for (let at = 0; at < kept.length;) {
    const colon = kept.indexOf(':', at);
    const end = kept.indexOf('\n', colon) + 1;
    if ((lengths & (1 << (colon - at))) !== 0 && edits.has(kept.slice(at, colon).toLowerCase())) {
      lines += kept.slice(from, at);
      from = end;
    }
    at = end;
  }
  return lines + kept.slice(from);
}

/** Of fields, lower-case. */
interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Refuses what would break out of its line.
 * @throws TypeError
 */
export function checkEdit(name: string, value: string | undefined): void {
  if (!TOKEN.test(name)) throw new TypeError(`${JSON.stringify(name)} is no field name.`);
  if (value !== undefined && UNSENDABLE.test(value)) {
    throw new TypeError(`The field ${name} holds a control character, or one that is not latin1. Encode it.`);
  }
}

const HOST = /^(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * Refuses what is no host with or without a port.
 * @throws TypeError
 */
export function checkHost(host: string): void {
  if (!HOST.test(host)) throw new TypeError(`${JSON.stringify(host)} is no host. Write a name or an address.`);
}
