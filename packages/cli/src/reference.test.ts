import { expect, test } from 'vitest';
import { reference } from './reference.ts';
import { COMMANDS } from './run-cli.ts';

test('the reference page says what the flag tables say', async () => {
  await expect(await reference(COMMANDS)).toMatchFileSnapshot('../../../docs/reference/cli.md');
});
