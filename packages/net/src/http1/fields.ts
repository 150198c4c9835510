import type { IncomingHeaders } from '@fairlead/core';

/** The fields of a message, in their order. Names are lower-case; values are latin1 without surrounding whitespace. */
export class Fields {
  /** Names and values by turns. */
  readonly list: readonly string[];
  #record: IncomingHeaders | undefined;

  constructor(list: readonly string[]) {
    this.list = list;
  }

  /** The value of `name` (lower-case); those of several lines are joined as `record` joins them. */
  get(name: string): string | undefined {
    const { list } = this;
    let found: string | undefined;
    for (let at = 0; at < list.length; at += 2) {
      if (list[at] !== name) continue;
      const value = list[at + 1] ?? '';
      found = found === undefined ? value : joined(name, found, value);
    }
    return found;
  }

  /**
   * As an object without a prototype, made once. A name that came several times has its values joined with `, `
   * (RFC 9110, section 5.3), `cookie` with `; `, and `set-cookie` is a list of them.
   */
  get record(): IncomingHeaders {
    return (this.#record ??= recordOf(this.list));
  }
}

/** Makes records: without a prototype of its own, and unlike `Object.create(null)` in V8's fast form. */
const Record = class {} as new () => { [name: string]: string | string[] };
Object.setPrototypeOf(Record.prototype, null);
// A record has no "constructor" either.
Reflect.deleteProperty(Record.prototype, 'constructor');

function recordOf(list: readonly string[]): IncomingHeaders {
  const record = new Record();
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    const value = list[at + 1] ?? '';
    const before = record[name];
    if (before === undefined) record[name] = name === 'set-cookie' ? [value] : value;
    else if (typeof before === 'string') record[name] = joined(name, before, value);
    else before.push(value);
  }
  return record;
}

function joined(name: string, before: string, value: string): string {
  return name === 'cookie' ? `${before}; ${value}` : `${before}, ${value}`;
}
