/** A fenced block of a Markdown document. */
export interface CodeBlock {
  readonly language: string;
  /** From `title="…"` in the info string. */
  readonly title: string | undefined;
  /** Further words of the info string. */
  readonly words: readonly string[];
  readonly text: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
}

/** The fenced blocks of a document, in order. */
export function codeBlocks(markdown: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open === undefined) {
      const info = /^```(.*)$/.exec(line)?.[1];
      if (info !== undefined) open = { info, line: index + 1, lines: [] };
    } else if (line === '```') {
      blocks.push(blockOf(open.info, open.lines, open.line));
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return blocks;
}

function blockOf(info: string, lines: readonly string[], line: number): CodeBlock {
  const title = /title="([^"]*)"/.exec(info)?.[1];
  const [language = '', ...words] = info
    .replace(/title="[^"]*"/, '')
    .trim()
    .split(/\s+/);
  return { language, title, words, text: lines.map((each) => `${each}\n`).join(''), line };
}

/**
 * The first line of `expected` that `actual` does not have in its place; `undefined` when it fits. `…` within a line
 * stands for any text, a line of `…` for any lines.
 */
export function misfit(expected: string, actual: string): string | undefined {
  const wanted = expected.trimEnd().split('\n');
  const given = actual
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd());
  let at = 0;
  let anywhere = false;
  for (const line of wanted) {
    if (line.trim() === '…') {
      anywhere = true;
      continue;
    }
    const pattern = new RegExp(`^${line.trimEnd().split('…').map(literally).join('.*')}$`);
    const found = given.findIndex((each, index) => index >= at && pattern.test(each));
    if (found === -1 || (!anywhere && found !== at)) return line;
    at = found + 1;
    anywhere = false;
  }
  return anywhere || at >= given.length ? undefined : '(no more lines)';
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
