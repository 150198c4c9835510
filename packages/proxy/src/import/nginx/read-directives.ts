import type { ImportOrigin } from '../imported.ts';
import type { Directive, Spot } from './directive.ts';
import { MisreadText, readWords, type Token } from './read-words.ts';

/** Tables for modules that have no place in a gateway; whether they are there or not, nothing depends on them. */
const WITHOUT_MEANING = /(?:^|\/)(?:mime\.types|(?:fastcgi|scgi|uwsgi)_params|fastcgi\.conf|koi-(?:utf|win)|win-utf)$/;
/** Blocks whose content is a table or a program, in which words mean nothing by themselves. */
const OPAQUE = /^(?:types|.*_by_lua_block)$/;
const MOST_DEPTH = 32;

/**
 * Reads a configuration of nginx with all that it includes.
 * @throws MisreadText for the first thing that is no configuration
 */
export function readDirectives(text: string, origin: Pick<ImportOrigin, 'file' | 'include'>): readonly Directive[] {
  return readFile(text, origin.file, origin, [origin.file]);
}

function readFile(
  text: string,
  file: string,
  origin: Pick<ImportOrigin, 'file' | 'include'>,
  within: readonly string[],
): readonly Directive[] {
  const tokens = readWords(text, file);
  let next = 0;
  const directives = block(undefined);
  return directives;

  /** The directives up to the brace that closes the one at `opened`, or to the end of the file. */
  function block(opened: Spot | undefined, depth = 0): readonly Directive[] {
    if (depth > MOST_DEPTH && opened !== undefined)
      throw new MisreadText(opened, 'blocks stand too deep in one another');
    const found: Directive[] = [];
    for (;;) {
      const token = tokens[next];
      if (token === undefined) {
        if (opened === undefined) return found;
        throw new MisreadText(opened, 'the block that begins here has no end; there is a } missing');
      }
      next += 1;
      if (token.kind === 'close') {
        if (opened !== undefined) return found;
        throw new MisreadText(token.at, 'there is no block that this } could end');
      }
      if (token.kind !== 'word') {
        const what = token.kind === 'end' ? ';' : '{';
        throw new MisreadText(token.at, `a ${what} stands where the name of a directive should`);
      }
      const directive = rest(token, depth);
      if (directive.name === 'include') found.push(...included(directive, origin, within));
      else found.push(directive);
    }
  }

  /** What belongs to the name of a directive. */
  function rest(name: Extract<Token, { kind: 'word' }>, depth: number): Directive {
    const words: string[] = [];
    for (;;) {
      const token = tokens[next];
      const isNested = token?.kind === 'close' || token === undefined;
      if (isNested || (token.kind === 'word' && token.at.line > name.at.line && mayBegin(token.text, words)))
        throw new MisreadText(name.at, `${shown(name.text)} does not end; there is a ; missing`);
      next += 1;
      if (token.kind === 'word') words.push(token.text);
      else if (token.kind === 'end') return { name: name.text, words, at: name.at, block: undefined };
      else if (OPAQUE.test(name.text)) return { name: name.text, words, at: name.at, block: skipped(token.at) };
      else return { name: name.text, words, at: name.at, block: block(token.at, depth + 1) };
    }
  }

  /** Passes over a block without reading it. */
  function skipped(opened: Spot): readonly Directive[] {
    for (let open = 1; open > 0; next += 1) {
      const token = tokens[next];
      if (token === undefined)
        throw new MisreadText(opened, 'the block that begins here has no end; there is a } missing');
      if (token.kind === 'open') open += 1;
      else if (token.kind === 'close') open -= 1;
    }
    return [];
  }
}

/** A name as it is, where it may be one. */
function shown(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
}

/** Directives whose words people write on lines of their own, and which no other begins. */
const BEGINNINGS = new Set([
  'server',
  'location',
  'listen',
  'server_name',
  'proxy_pass',
  'proxy_set_header',
  'add_header',
  'return',
  'rewrite',
  'upstream',
  'auth_request',
  'internal',
  'if',
  'set',
  'include',
  'root',
]);

/** Whether a word on a later line is the next directive: then the semicolon of the one before is missing. */
function mayBegin(word: string, before: readonly string[]): boolean {
  return before.length > 0 && BEGINNINGS.has(word);
}

function included(
  { words, at, block }: Directive,
  origin: Pick<ImportOrigin, 'file' | 'include'>,
  within: readonly string[],
): readonly Directive[] {
  const [path, ...more] = words;
  if (path === undefined || more.length > 0 || block !== undefined) throw new MisreadText(at, 'include takes one path');
  if (WITHOUT_MEANING.test(path)) return [];
  let files;
  try {
    files = origin.include(path);
  } catch (error) {
    throw new MisreadText(at, error instanceof Error ? error.message : String(error));
  }
  if (files.length === 0 && !/[*?[]/.test(path)) throw new MisreadText(at, `there is no file ${path} to include`);
  return files.flatMap(({ file, text }) => {
    if (within.includes(file))
      throw new MisreadText(
        at,
        `${file} would include itself: ${[...within.slice(within.indexOf(file)), file].join(' → ')}`,
      );
    return readFile(text, file, origin, [...within, file]);
  });
}
