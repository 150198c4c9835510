import type { Spot } from './directive.ts';

/** A part of the text, as nginx's reader tells them apart. */
export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly at: Spot }
  | { readonly kind: 'end' | 'open' | 'close'; readonly at: Spot };

/** What is no configuration, and where. */
export class MisreadText extends Error {
  readonly at: Spot;

  constructor(at: Spot, message: string) {
    super(message);
    this.at = at;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "'": "'", '\\': '\\', t: '\t', r: '\r', n: '\n' };

/**
 * Reads the tokens of a text as nginx's `ngx_conf_read_token` does: a word ends at a blank, `;` or `{`, but not at the `{` of `${`; a
 * quote counts at the beginning of a word only, and something must part it from what follows; a `#` begins a comment at the
 * beginning of a word only; a backslash keeps what follows it in the word, and stays unless it makes a quote, a backslash,
 * or one of `\t`, `\r`, `\n`.
 * @throws MisreadText for a quote that does not end, or has something behind it
 */
export function readWords(text: string, file: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let lineStart = 0;
  let at = 0;
  const spot = (): Spot => ({ file, line, column: at - lineStart + 1 });
  const step = (): void => {
    if (text[at] === '\n') {
      line += 1;
      lineStart = at + 1;
    }
    at += 1;
  };

  while (at < text.length) {
    const character = text.charAt(at);
    if (isBlank(character)) step();
    else if (character === '#') while (at < text.length && text[at] !== '\n') step();
    else if (character === ';' || character === '{' || character === '}') {
      tokens.push({ kind: character === ';' ? 'end' : character === '{' ? 'open' : 'close', at: spot() });
      step();
    } else {
      const begin = spot();
      const quote = character === '"' || character === "'" ? character : undefined;
      if (quote !== undefined) step();
      const word = readWord(quote);
      if (word === undefined) throw new MisreadText(begin, `the quote ${quote ?? ''} has no end`);
      tokens.push({ kind: 'word', text: word, at: begin });
      // A parenthesis may follow, as in `if ($a = "b")`.
      if (quote !== undefined && at < text.length && !isBlank(text.charAt(at)) && !';{)'.includes(text.charAt(at)))
        throw new MisreadText(
          spot(),
          `${JSON.stringify(text.charAt(at))} stands right behind a quote; put a blank or a ; between`,
        );
    }
  }
  return tokens;

  /** Up to the word's end; `undefined` when its quote has none. */
  function readWord(quote: string | undefined): string | undefined {
    let word = '';
    while (at < text.length) {
      const character = text.charAt(at);
      if (character === '\\' && at + 1 < text.length) {
        step();
        const next = text.charAt(at);
        word += ESCAPES[next] ?? `\\${next}`;
      } else if (
        quote === undefined ? isBlank(character) || character === ';' || character === '{' : character === quote
      ) {
        if (quote !== undefined) step();
        return word;
      } else if (character === '$' && text[at + 1] === '{') {
        word += '${';
        step();
      } else word += character;
      step();
    }
    return quote === undefined ? word : undefined;
  }
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}
