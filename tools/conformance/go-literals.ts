/** What a composite literal of Go holds: texts, numbers, names of constants, lists, and members by name. */
export type GoValue = string | number | readonly GoValue[] | { readonly [member: string]: GoValue };

/** Every literal of a list of `type` in a source of Go, its elements in their order; what is no literal inside is the name. */
export function goLiterals(source: string, type: string): readonly GoValue[] {
  const found: GoValue[] = [];
  const text = source.replaceAll(/^\s*\/\/.*$/gm, '');
  const beginning = `[]${type}{`;
  for (let at = text.indexOf(beginning); at !== -1; at = text.indexOf(beginning, at + 1)) {
    const list = new LiteralReader(text, at).value();
    if (Array.isArray(list)) found.push(...list);
  }
  return found;
}

class LiteralReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  value(): GoValue {
    this.#skip(/\s*(?:\/\/.*\n\s*)*/y);
    const text = this.#take(/"(?:[^"\\]|\\.)*"/y);
    // `as`: Go's texts without its own escapes are JSON's.
    if (text !== undefined) return JSON.parse(text) as string;
    const raw = this.#take(/`[^`]*`/y);
    if (raw !== undefined) return raw.slice(1, -1);
    const digits = this.#take(/\d+/y);
    if (digits !== undefined) return Number(digits);
    const name = this.#take(/&?(?:\[\]|map\[\w+\])?[\w.*]*/y) ?? '';
    if (this.#text[this.#at] === '{') return this.#braces();
    // A call or another expression: its name is enough to tell that it is none of ours.
    const rest = this.#take(/[^,}\n]+/y) ?? '';
    return name + rest.trim();
  }

  #braces(): GoValue {
    const list: GoValue[] = [];
    const members: Record<string, GoValue> = {};
    this.#at += 1;
    for (;;) {
      this.#skip(/[\s,]*(?:\/\/.*\n[\s,]*)*/y);
      if (this.#at >= this.#text.length) break;
      if (this.#text[this.#at] === '}') {
        this.#at += 1;
        break;
      }
      const key = this.#take(/(?:\w+|"[^"]*")(?=\s*:)/y);
      if (key === undefined) list.push(this.value());
      else {
        this.#skip(/\s*:/y);
        members[key.replaceAll('"', '')] = this.value();
      }
    }
    return Object.keys(members).length > 0 ? members : list;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined || found === '') return undefined;
    this.#at += found.length;
    return found;
  }

  #skip(pattern: RegExp): void {
    this.#take(pattern);
  }
}
