import { maskSource } from './source-text.ts';

/** A module of emitted declarations: what it declares, imports and passes on. */
interface DeclarationModule {
  /** Texts by local name; overloads and merged interfaces in order. */
  readonly declared: ReadonlyMap<string, readonly string[]>;
  /** Where a name that is not declared here comes from. */
  readonly imported: ReadonlyMap<string, Origin>;
  /** Exported names. */
  readonly exported: ReadonlyMap<string, Origin>;
}

interface Origin {
  /** `undefined`: declared in this very module. */
  readonly from: string | undefined;
  readonly name: string;
}

/** Reads a declaration file by the path that an import names, relative to the entry's folder. */
export type ReadDeclarations = (path: string) => string;

/**
 * The public surface of one entry point as one text: each exported name in alphabetical order with its declaration, then
 * what those reach without its being exported. Comments are left out, so that rewording one changes nothing. What comes
 * from other packages stays a name.
 *
 * It reads what the compiler has emitted, where every top-level statement begins at the margin; it is no parser of
 * TypeScript in general.
 * @throws Error when an exported name can't be found
 */
export function surfaceOf(entry: string, read: ReadDeclarations): string {
  const modules = new Map<string, DeclarationModule>();
  const moduleAt = (path: string): DeclarationModule => {
    const known = modules.get(path) ?? parseModule(read(path));
    modules.set(path, known);
    return known;
  };
  const resolveName = (path: string, origin: Origin): Found => {
    if (origin.from === undefined) return { path, name: origin.name };
    if (!origin.from.startsWith('.')) return { path: undefined, name: `${origin.from}: ${origin.name}` };
    const target = besides(path, origin.from);
    const next = moduleAt(target).exported.get(origin.name);
    if (next === undefined) throw new Error(`${path} takes "${origin.name}" from ${target}, which does not export it`);
    return resolveName(target, next);
  };

  const queue: Found[] = [];
  const lines: string[] = [];
  for (const [name, origin] of [...moduleAt(entry).exported].toSorted(byName)) {
    const found = resolveName(entry, origin);
    if (found.path === undefined) lines.push(`export ${name} from ${found.name};`);
    else {
      lines.push(
        ...textsOf(moduleAt(found.path), found).map((text) =>
          found.name === name ? `export ${text}` : `export as ${name} ${text}`,
        ),
      );
      queue.push(found);
    }
  }
  const printed = new Set(queue.map((found) => `${found.path} ${found.name}`));
  const inner: string[] = [];
  for (let found = queue.shift(); found !== undefined; found = queue.shift()) {
    const { path } = found;
    if (path === undefined) continue;
    const module = moduleAt(path);
    for (const word of wordsOf(textsOf(module, found).join('\n'))) {
      const origin =
        module.imported.get(word) ?? (module.declared.has(word) ? { from: undefined, name: word } : undefined);
      if (origin === undefined || (origin.from !== undefined && !origin.from.startsWith('.'))) continue;
      const next = resolveName(path, origin);
      if (next.path === undefined || printed.has(`${next.path} ${next.name}`)) continue;
      printed.add(`${next.path} ${next.name}`);
      inner.push(...textsOf(moduleAt(next.path), next));
      queue.push(next);
    }
  }
  const reached = inner.length === 0 ? [] : ['', '// Not exported, but part of what is.', ...inner.toSorted()];
  return `${[...lines, ...reached].join('\n')}\n`;
}

interface Found {
  /** `undefined`: of another package. */
  readonly path: string | undefined;
  readonly name: string;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

function textsOf(module: DeclarationModule, { path, name }: Found): readonly string[] {
  const texts = module.declared.get(name);
  if (texts === undefined) throw new Error(`${path} exports "${name}" and does not declare it`);
  return texts;
}

/** Words that may be names of types. Quoted texts are none, property names may be: the closure is never too small. */
function wordsOf(text: string): Set<string> {
  return new Set(maskSource(text).match(/[A-Za-z_$][\w$]*/g));
}

const STATEMENT = /^(?:export |declare |import |interface |type |class |function |const |let |abstract |enum )/;

function parseModule(text: string): DeclarationModule {
  const declared = new Map<string, string[]>();
  const imported = new Map<string, Origin>();
  const exported = new Map<string, Origin>();
  for (const statement of statementsOf(text)) {
    const list =
      /^(import|export)\s+(?:type\s+)?(?:(\w+)\s*,?\s*)?(?:\{([\s\S]*)\}|\*\s+as\s+(\w+))?\s*(?:from\s+['"]([^'"]+)['"])?;$/.exec(
        statement,
      );
    if (list !== null && (list[3] !== undefined || list[5] !== undefined)) {
      const [, kind, byDefault, names = '', , from] = list;
      const target = kind === 'import' ? imported : exported;
      if (byDefault !== undefined && from !== undefined) target.set(byDefault, { from, name: 'default' });
      for (const [local, outer] of namesOf(names)) target.set(outer, { from, name: local });
      continue;
    }
    const head =
      /^(export )?(default )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const|let|enum)\s+([A-Za-z_$][\w$]*)/.exec(
        statement,
      );
    const name = head?.[3];
    if (name === undefined) continue;
    const plain = statement.replace(/^export (?:default )?/, '').replace(/^declare /, '');
    declared.set(name, [...(declared.get(name) ?? []), plain]);
    if (head?.[1] !== undefined) exported.set(head[2] === undefined ? name : 'default', { from: undefined, name });
  }
  return { declared, imported, exported };
}

/** `a, type b as c` as pairs of the name over there and the name here. */
function namesOf(list: string): readonly (readonly [string, string])[] {
  return list
    .split(',')
    .map((part) => part.trim().replace(/^type\s+/, ''))
    .filter((part) => part !== '')
    .map((part) => {
      const [there = part, here = there] = part.split(/\s+as\s+/);
      return [there, here] as const;
    });
}

/** Top-level statements without comments, blank lines and the spaces at line ends. */
function statementsOf(text: string): readonly string[] {
  const statements: string[] = [];
  for (const line of withoutComments(text).split('\n')) {
    if (line.trim() === '') continue;
    if (STATEMENT.test(line)) statements.push(line.trimEnd());
    else if (statements.length > 0) statements[statements.length - 1] += `\n${line.trimEnd()}`;
  }
  return statements;
}

/** The text without its comments. Strings, which masking blanks too, are taken from the original. */
function withoutComments(text: string): string {
  let plain = '';
  for (let at = 0; at < text.length;) {
    const char = text[at] ?? '';
    if (text.startsWith('//', at)) at = end(text, at, '\n') - 1;
    else if (text.startsWith('/*', at)) at = end(text, at + 2, '*/');
    else if (char === '"' || char === "'" || char === '`') {
      let close = at + 1;
      while (close < text.length && text[close] !== char) close += text[close] === '\\' ? 2 : 1;
      plain += text.slice(at, close + 1);
      at = close + 1;
    } else {
      plain += char;
      at += 1;
    }
  }
  return plain;
}

function end(text: string, from: number, mark: string): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length + 1 : found + mark.length;
}

/** The declaration file that `specifier` names, seen from the file `from`; paths are relative to one folder. */
function besides(from: string, specifier: string): string {
  const parts = [...from.split('/').slice(0, -1), ...specifier.replace(/\.(?:ts|js)$/, '.d.ts').split('/')];
  const path: string[] = [];
  for (const part of parts) {
    if (part === '..') path.pop();
    else if (part !== '.') path.push(part);
  }
  return path.join('/');
}
