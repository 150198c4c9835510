/**
 * Whether an object in a JSON text has a key twice, which `JSON.parse` would take silently, the last one winning.
 * @param text one that `JSON.parse` takes
 */
export function hasRepeatedKey(text: string): boolean {
  /** The keys of each object that is open; `undefined` for a list. */
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(new Set());
        isKey = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        isKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        isKey = false;
        break;
      case 0x2c: // ,
        isKey = open.at(-1) !== undefined;
        break;
      case 0x22: {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (isKey && keys !== undefined) {
          const written = text.slice(at, end + 1);
          // `as`: a string's text is parsed.
          const key = written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);
          if (keys.has(key)) return true;
          keys.add(key);
        }
        isKey = false;
        at = end;
      }
    }
  }
  return false;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22 || Number.isNaN(code)) return at;
  }
}
