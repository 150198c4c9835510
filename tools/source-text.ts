// What a source file says without its comments and strings, and what it imports.
// Enough for checks that look for words; nothing here claims to parse TypeScript.

/** A module that a file imports, exports from or loads. */
export interface ImportUse {
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Characters after which a `/` begins a regular expression rather than a division. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in|await|yield|void|delete|else|do))$/;

/**
 * The same text, character for character, with comments and the contents of strings, templates and regular expressions
 * turned to blanks. Line breaks and quotes stay, so positions mean the same in both. Code inside `${…}` stays code.
 * @param what `comments` leaves what is quoted as it is
 */
export function maskSource(text: string, what: 'all' | 'comments' = 'all'): string {
  const source = text.split('');
  const out = source.slice();
  const blankComment = (from: number, to: number): void => {
    for (let at = from; at < Math.min(to, source.length); at += 1) if (source[at] !== '\n') out[at] = ' ';
  };
  const blank = (from: number, to: number): void => {
    if (what === 'all') blankComment(from, to);
  };
  /** Depth of `{` in each template expression that is open, innermost last. */
  const templates: number[] = [];
  /** Blanks a template's text from `from`; returns where code goes on: in a `${…}` or after the closing backtick. */
  const skipTemplate = (from: number): number => {
    let end = from;
    while (end < source.length && source[end] !== '`') {
      if (source[end] === '$' && source[end + 1] === '{') {
        templates.push(0);
        blank(from, end);
        return end + 2;
      }
      end += source[end] === '\\' ? 2 : 1;
    }
    blank(from, end);
    return end + 1;
  };

  let at = 0;
  while (at < source.length) {
    const char = source[at];
    const next = source[at + 1];
    const depth = templates.at(-1);
    if (char === '/' && (next === '/' || next === '*')) {
      const end = next === '/' ? endOf(text, at, '\n') : endOf(text, at + 2, '*/') + 2;
      blankComment(at, end);
      at = end;
    } else if (char === "'" || char === '"') {
      const end = endOfString(source, at + 1, char);
      blank(at + 1, end);
      at = end + 1;
    } else if (char === '`') {
      at = skipTemplate(at + 1);
    } else if (char === '/' && BEFORE_REGEX.test(lastCode(out, at))) {
      const end = endOfRegex(source, at + 1);
      blank(at + 1, end);
      at = end + 1;
    } else if (char === '}' && depth === 0) {
      templates.pop();
      at = skipTemplate(at + 1);
    } else {
      if (depth !== undefined && (char === '{' || char === '}')) {
        templates[templates.length - 1] = depth + (char === '{' ? 1 : -1);
      }
      at += 1;
    }
  }
  return out.join('');
}

/** The modules that `text` names in imports, re-exports, `import()` with a literal, and `import.meta.resolve`. */
export function importsOf(text: string): ImportUse[] {
  const masked = maskSource(text);
  const uses: ImportUse[] = [];
  const pattern = /(?:\bfrom\s*|\bimport\s*|\bimport\s*\(\s*|\bimport\.meta\.resolve\s*\(\s*)(['"])( *)\1/g;
  for (const match of masked.matchAll(pattern)) {
    const end = match.index + match[0].length - 1;
    const length = match[2]?.length ?? 0;
    uses.push({ specifier: text.slice(end - length, end), line: lineAt(text, match.index) });
  }
  return uses;
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** The dozen characters up to the last one before `at` that isn't blank. */
function lastCode(masked: readonly string[], at: number): string {
  let end = at;
  while (end > 0 && /\s/.test(masked[end - 1] ?? '')) end -= 1;
  return masked.slice(Math.max(0, end - 12), end).join('');
}

function endOf(text: string, from: number, mark: string): number {
  const end = text.indexOf(mark, from);
  return end === -1 ? text.length : end;
}

function endOfString(source: readonly string[], from: number, quote: string): number {
  let end = from;
  while (end < source.length && source[end] !== quote && source[end] !== '\n') end += source[end] === '\\' ? 2 : 1;
  return Math.min(end, source.length);
}

function endOfRegex(source: readonly string[], from: number): number {
  let end = from;
  let inClass = false;
  while (end < source.length && source[end] !== '\n' && (inClass || source[end] !== '/')) {
    if (source[end] === '[') inClass = true;
    else if (source[end] === ']') inClass = false;
    end += source[end] === '\\' ? 2 : 1;
  }
  return Math.min(end, source.length);
}
