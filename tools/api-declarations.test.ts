import { expect, test } from 'vitest';
import { surfaceOf } from './api-declarations.ts';

/** The surface of `index.d.ts` among these files. */
const surface = (files: Readonly<Record<string, string>>): string =>
  surfaceOf('index.d.ts', (path) => files[path] ?? '');

test('a surface is what is exported, in alphabetical order, and what that reaches', () => {
  const text = surface({
    'index.d.ts': `export { open, type Options as OpenOptions } from './open.ts';\nexport type { Context } from '@fairlead/core';\n`,
    'open.d.ts': `import type { Limits } from './deep/limits.ts';
import type { Context } from '@fairlead/core';
/** Opens. */
export declare function open(ctx: Context, options: Options): Promise<void>;
export declare function open(options: Options): void;
export interface Options {
    /** How much, in bytes. */
    readonly limits?: Limits;
    readonly note: 'Unrelated // no comment';
}
declare class Unrelated {
}
export declare const alsoNotReached: number;
export {};
`,
    'deep/limits.d.ts': `import { type Unit } from '../unit.ts';
export type Limits = {
    [Name in Unit]: number;
};
type Hidden = 1;
`,
    'unit.d.ts': `export type Unit = 'bytes' | 'rows';\n`,
  });
  expect(text).toBe(`export Context from @fairlead/core: Context;
export as OpenOptions interface Options {
    readonly limits?: Limits;
    readonly note: 'Unrelated // no comment';
}
export function open(ctx: Context, options: Options): Promise<void>;
export function open(options: Options): void;

// Not exported, but part of what is.
type Limits = {
    [Name in Unit]: number;
};
type Unit = 'bytes' | 'rows';
`);
});

test('a comment changes nothing, a type that is reached does', () => {
  const files = (comment: string, kind: string) => ({
    'index.d.ts': `export { read } from './read.ts';\n`,
    'read.d.ts': `${comment}export declare function read(): Answer;\ninterface Answer {\n    readonly value: ${kind};\n}\n`,
  });
  const before = surface(files('/** Reads. */\n', 'string'));
  expect(surface(files('// It reads; see "there".\n', 'string'))).toBe(before);
  expect(surface(files('', 'number'))).not.toBe(before);
});

test('a name that nobody declares is an error, not a gap', () => {
  expect(() => surface({ 'index.d.ts': `export { lost } from './there.ts';\n`, 'there.d.ts': 'export {};\n' })).toThrow(
    /"lost" from there\.d\.ts/,
  );
});
