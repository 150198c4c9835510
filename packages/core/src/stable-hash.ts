import { createHash } from 'node:crypto';

/** So many items of a list are written at once: more are quicker, but a copy of all of them in order would outlive the young garbage. */
const TOGETHER = 256;
const FEW_KEYS = 32;

/** SHA-256 (hex) of a JSON value, the same for any order of its objects' keys. Members that are undefined are none. */
export function stableHash(value: unknown): string {
  const hash = createHash('sha256');
  if (!isMembers(value)) return hash.update(textOf(value)).digest('hex');
  let before = '{';
  for (const key of sortedKeys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    hash.update(`${before}${JSON.stringify(key)}:`);
    before = ',';
    if (Array.isArray(member)) {
      hash.update('[');
      for (let at = 0; at < member.length; at += TOGETHER) {
        const items = textOf(member.slice(at, at + TOGETHER)).slice(1, -1);
        hash.update(at === 0 ? items : `,${items}`);
      }
      hash.update(']');
    } else hash.update(textOf(member));
  }
  return hash.update(before === '{' ? '{}' : '}').digest('hex');
}

function textOf(value: unknown): string {
  // One text of all is written three times as quickly as one for each member.
  return JSON.stringify(inOrder(value)) ?? 'null';
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys are few mostly; `sort` makes a kilobyte of garbage each time. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value);
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let at = 1; at < keys.length; at += 1) {
    const key = keys[at] ?? '';
    let to = at;
    for (; to > 0 && (keys[to - 1] ?? '') > key; to -= 1) keys[to] = keys[to - 1] ?? '';
    keys[to] = key;
  }
  return keys;
}

/** The same, with the keys of its objects in the order of their names. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isMembers(value)) return value;
  const ordered: Record<string, unknown> = {};
  for (const key of sortedKeys(value)) {
    if (key === '__proto__') Object.defineProperty(ordered, key, { value: inOrder(value[key]), enumerable: true });
    else ordered[key] = inOrder(value[key]);
  }
  return ordered;
}
