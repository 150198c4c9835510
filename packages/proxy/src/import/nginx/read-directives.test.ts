import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Directive } from './directive.ts';
import { readDirectives } from './read-directives.ts';
import { MisreadText } from './read-words.ts';

const read = (text: string, files: Readonly<Record<string, string>> = {}) =>
  readDirectives(text, {
    file: 'nginx.conf',
    include: (path) =>
      Object.entries(files).flatMap(([file, each]) =>
        file === path || path === '*.conf' ? [{ file, text: each }] : [],
      ),
  });

/** `name word word` and what is in braces, without places. */
const plain = (directives: readonly Directive[]): unknown =>
  directives.map(({ name, words, block }) => (block === undefined ? [name, ...words] : [name, ...words, plain(block)]));

function faultOf(text: string, files: Readonly<Record<string, string>> = {}): string {
  try {
    read(text, files);
    return 'none';
  } catch (error) {
    if (!(error instanceof MisreadText)) throw error;
    return `${error.at.file}:${error.at.line}:${error.at.column}: ${error.message}`;
  }
}

test('words end at blanks, semicolons and braces; quotes and escapes keep them together', () => {
  const text = `
# a comment; with { a brace
a  b\t"c d" 'e;f' g#h;   # another
return 200 "say \\"hi\\" \\n \\$x \\\\";
if ($a = "b") { set $c \${d}e; }
location ~ \\.php$ { x '' ; }
log "it's" 'a "b"';`;
  expect(plain(read(text))).toEqual([
    ['a', 'b', 'c d', 'e;f', 'g#h'],
    ['return', '200', 'say "hi" \n \\$x \\'],
    ['if', '($a', '=', 'b', ')', [['set', '$c', '${d}e']]],
    ['location', '~', '\\.php$', [['x', '']]],
    ['log', "it's", 'a "b"'],
  ]);
});

test('each directive knows where it stands', () => {
  const [, second] = read('a;\n  b {\n\n   c d;\n}');
  expect(second?.at).toEqual({ file: 'nginx.conf', line: 2, column: 3 });
  expect(second?.block?.[0]?.at).toEqual({ file: 'nginx.conf', line: 4, column: 4 });
});

test.each([
  ['http {\n server {\n', 'nginx.conf:2:9: the block that begins here has no end; there is a } missing'],
  ['a;\n}', 'nginx.conf:2:1: there is no block that this } could end'],
  ['a b', 'nginx.conf:1:1: a does not end; there is a ; missing'],
  ['http { a b }', 'nginx.conf:1:8: a does not end; there is a ; missing'],
  ['server {\n listen 80\n location / { }\n}', 'nginx.conf:2:2: listen does not end; there is a ; missing'],
  ['a "b;\n c', 'nginx.conf:1:3: the quote " has no end'],
  ['a "b"c;', 'nginx.conf:1:6: "c" stands right behind a quote; put a blank or a ; between'],
  ['; a;', 'nginx.conf:1:1: a ; stands where the name of a directive should'],
  ['{ }', 'nginx.conf:1:1: a { stands where the name of a directive should'],
  [`${'a {'.repeat(40)}`, 'nginx.conf:1:99: blocks stand too deep in one another'],
])('%j is no configuration', (text, fault) => {
  expect(faultOf(text)).toBe(fault);
});

test('files are taken in where they are named, by name or by pattern', () => {
  const files = { 'a.conf': 'a 1;', 'b.conf': 'b 2;\nb 3;' };
  expect(plain(read('x; include *.conf; y;', files))).toEqual([['x'], ['a', '1'], ['b', '2'], ['b', '3'], ['y']]);
  expect(read('include b.conf;', files)[1]?.at).toEqual({ file: 'b.conf', line: 2, column: 1 });
  expect(plain(read('include mime.types; include /etc/nginx/fastcgi_params; include none/*.conf;'))).toEqual([]);
  expect(faultOf('a;\ninclude c.conf;', files)).toBe('nginx.conf:2:1: there is no file c.conf to include');
  expect(faultOf('include a.conf b.conf;', files)).toBe('nginx.conf:1:1: include takes one path');
  expect(faultOf('include a.conf;', { 'a.conf': 'x {' })).toBe(
    'a.conf:1:3: the block that begins here has no end; there is a } missing',
  );
});

test('a file that would take itself in is refused, with the way there', () => {
  const files = { 'a.conf': 'x;\ninclude b.conf;', 'b.conf': 'include a.conf;' };
  expect(faultOf('include a.conf;', files)).toBe('b.conf:1:1: a.conf would include itself: a.conf → b.conf → a.conf');
});

test('whatever is written as words is read as these words', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', '$', '{', '}', ';', ' ', '"', "'", '\\', '#', '\n', 'n', 'é'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), (words) => {
      const quoted = words.map((each) => `"${each.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
      expect(plain(read(`name ${quoted.join(' ')};`))).toEqual([['name', ...words]]);
    }),
  );
});

test('whatever the text is, it is read or refused with a place in it', () => {
  const parts = fc.constantFrom('a', ' ', ';', '{', '}', '"', "'", '\\', '#', '\n', '${', 'server', '\r');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 30 }), (all) => {
      const text = all.join('');
      expect(faultOf(text)).toMatch(/^none$|^nginx\.conf:\d+:\d+: ./);
    }),
  );
});
