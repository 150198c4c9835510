import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './repository.ts';

function run(command: string, args: string[], cwd: string): string {
  const ended = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
  if (ended.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

test('packed packages work in an empty folder, without TypeScript and without the source condition', () => {
  const built = ['core', 'contract'].map((name) => join(ROOT, 'packages', name, 'dist'));
  const before = built.filter((each) => existsSync(each));
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-packed-'));
  try {
    run(process.execPath, [join(ROOT, 'tools/build.ts'), 'core', 'contract'], ROOT);
    for (const name of ['core', 'contract']) {
      run('npm', ['pack', '--silent', '--pack-destination', folder], join(ROOT, 'packages', name));
    }
    const tarballs = readdirSync(folder).map((name) => `./${name}`);
    expect(tarballs).toHaveLength(2);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], folder);
    const program = `
      import { FairleadError } from '@fairlead/core';
      import { defineContract, operation } from '@fairlead/contract';
      import { z } from 'zod';
      const contract = defineContract({ name: 'hello', version: '1.0.0', operations: {
        greet: operation({ method: 'GET', path: '/greet/{name}', input: z.object({ name: z.string() }), output: z.object({ text: z.string() }) }),
      } });
      console.log(contract.name, new FairleadError('invalid', 'X', 'y').code);
    `;
    writeFileSync(join(folder, 'program.mjs'), program);
    expect(run(process.execPath, ['program.mjs'], folder).trim()).toBe('hello X');
    writeFileSync(join(folder, 'program.ts'), program);
    const compile = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'false'];
    run(
      join(ROOT, 'node_modules/.bin/tsc'),
      [...compile, '--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types'), 'program.ts'],
      folder,
    );
    expect(readdirSync(join(folder, 'node_modules/@fairlead/core')).toSorted()).not.toContain('src');
  } finally {
    rmSync(folder, { recursive: true, force: true });
    // A dist/ that nobody asked for would hide it when a test can't find the sources.
    for (const each of built) if (!before.includes(each)) rmSync(each, { recursive: true, force: true });
  }
});
