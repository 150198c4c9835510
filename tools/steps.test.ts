import { expect, test } from 'vitest';
import { runSteps, type Step } from './steps.ts';

const steps: Step[] = [
  { name: 'types', run: () => '' },
  { name: 'lint', run: () => 'a.ts:1 no\nb.ts:2 no' },
  {
    name: 'broken',
    run: () => {
      throw new Error('no tool');
    },
  },
  { name: 'last', run: () => '' },
];

function run(names: string[]): { code: number; lines: string[] } {
  const lines: string[] = [];
  let now = 0;
  const code = runSteps(steps, names, { now: () => (now += 1500), print: (line) => lines.push(line) });
  return { code, lines };
}

test('every step runs to its end although one fails, and the whole fails', () => {
  const { code, lines } = run([]);
  expect(code).toBe(1);
  expect(lines.filter((line) => /^(ok|FAILED)/.test(line))).toEqual([
    'ok      types      1.5 s',
    'FAILED  lint       1.5 s',
    'FAILED  broken     1.5 s',
    'ok      last       1.5 s',
  ]);
  expect(lines).toContain('        a.ts:1 no\n        b.ts:2 no');
  expect(lines.at(-1)).toBe('failed: lint, broken');
});

test('only the steps that are named run', () => {
  expect(run(['types', 'last'])).toEqual({ code: 0, lines: ['ok      types      1.5 s', 'ok      last       1.5 s'] });
});

test('an unknown step is an error that names the known ones', () => {
  expect(run(['tpyes'])).toEqual({
    code: 2,
    lines: ['there is no step "tpyes"; choose from types, lint, broken, last'],
  });
});
