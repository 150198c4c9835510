import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { ROOT } from '../repository.ts';
import { packageReadmes } from './package-readmes.ts';
import { Playground } from './playground.ts';

const playground = new Playground();
afterAll(() => {
  using _ = playground;
  playground.compile();
});

const inFolder = (folder: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
test.each([...inFolder('docs/guides'), ...inFolder('docs/explain'), ...packageReadmes().played])(
  'what %s tells to write and run does what it says',
  (path) => playground.play(path),
);
