/** So often a name is looked for in the lines before they are taken apart. */
const MOST_LOOKS = 2;

/** The fields of a message, in their order. Names are lower-case; values are latin1 without surrounding whitespace. */
export class Fields {
  #list: readonly string[] | undefined;
  /** The field lines as they came, when nobody has asked for names and values yet. */
  readonly #lines: string;
  #record: Readonly<Record<string, string>> | undefined;
  #asked = 0;

  /** Of names and values by turns, or of whole lines that have been checked. */
  constructor(from: readonly string[] | string) {
    this.#list = typeof from === 'string' ? undefined : from;
    this.#lines = typeof from === 'string' ? from : '';
  }

  /** Names and values by turns. */
  get list(): readonly string[] {
    return (this.#list ??= listOf(this.#lines));
  }

  /** The value of `name` (lower-case); those of several lines are joined as `record` joins them. */
  get(name: string): string | undefined {
    // Who asks for one or two of many has no use for a list of all.
    if (this.#list === undefined && (this.#asked += 1) <= MOST_LOOKS) return valueOf(this.#lines, name);
    const { list } = this;
    let found: string | undefined;
    for (let at = 0; at < list.length; at += 2) {
      if (list[at] !== name) continue;
      const value = list[at + 1] ?? '';
      found = found === undefined ? value : joined(name, found, value);
    }
    return found;
  }

  /** The values of each line of `name`, which is what `set-cookie` needs. */
  all(name: string): string[] {
    return this.list.filter((_value, at) => at % 2 === 1 && this.list[at - 1] === name);
  }

  /**
   * As an object without a prototype, made once. A name that came several times has its values joined with `, `
   * (RFC 9110, section 5.3), `cookie` with `; `.
   */
  get record(): Readonly<Record<string, string>> {
    return (this.#record ??= recordOf(this.list));
  }
}

/** What `get` gives, of lines that a scanner has found right. */
function valueOf(lines: string, name: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < lines.length;) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r', colon);
    if (colon === -1 || end === -1) break;
    if (colon - at === name.length && lines.slice(at, colon).toLowerCase() === name) {
      const value = trimmed(lines, colon + 1, end);
      found = found === undefined ? value : joined(name, found, value);
    }
    at = end + 2;
  }
  return found;
}

/** Of lines that a scanner has found right, each with its CRLF. */
function listOf(lines: string): readonly string[] {
  const list: string[] = [];
  for (let at = 0; at < lines.length;) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r', colon);
    if (colon === -1 || end === -1) break;
    list.push(lines.slice(at, colon).toLowerCase(), trimmed(lines, colon + 1, end));
    at = end + 2;
  }
  return list;
}

/** Without blanks around it, of which HTTP has two kinds and `trim` many. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(octet: number): boolean {
  return octet === 0x20 || octet === 0x09;
}

/** Makes records: without a prototype of its own, and unlike `Object.create(null)` in V8's fast form. */
const Bare = class {} as new () => { [name: string]: string };
Object.setPrototypeOf(Bare.prototype, null);
// A record has no "constructor" either.
Reflect.deleteProperty(Bare.prototype, 'constructor');

function recordOf(list: readonly string[]): Readonly<Record<string, string>> {
  const record = new Bare();
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    const value = list[at + 1] ?? '';
    const before = record[name];
    record[name] = before === undefined ? value : joined(name, before, value);
  }
  return record;
}

function joined(name: string, before: string, value: string): string {
  return name === 'cookie' ? `${before}; ${value}` : `${before}, ${value}`;
}
