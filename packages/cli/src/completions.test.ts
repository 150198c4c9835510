import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { COMMANDS, runCli } from './run-cli.ts';
import { testTerminal } from './test-terminal.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const terminal = testTerminal({ cwd: root });
  expect(await runCli(terminal, ['__complete', ...words])).toBe(0);
  expect(terminal.stderr()).toBe('');
  return terminal.stdout().split('\n').slice(0, -1);
}

test('the first word is a command, the second of a group one of its commands', async () => {
  expect(await complete('')).toEqual([...COMMANDS.map(({ name }) => name), '--help']);
  expect(await complete('dl')).toEqual(['dlq']);
  expect(await complete('dlq', '')).toEqual(['list', 'show', 'redrive', 'discard', '--help']);
  expect(await complete('nonsense', '')).toEqual([]);
});

test("flags are the command's own; one that is given already is not offered again, unless it may be", async () => {
  expect(await complete('token', '--')).toEqual([
    '--tenant',
    '--subject',
    '--role',
    '--ttl',
    '--json',
    '--data-dir',
    '--help',
  ]);
  expect(await complete('token', '--tenant', 'acme', '--role', 'a', '--')).toEqual([
    '--subject',
    '--role',
    '--ttl',
    '--json',
    '--data-dir',
    '--help',
  ]);
});

test('where nothing runs, services and operations are those of the blueprint', async () => {
  const terminal = testTerminal({ cwd: join(root, 'examples/shop') });
  const nowhere = ['--data-dir', 'nowhere'];
  await runCli(terminal, ['__complete', 'call', ...nowhere, 'orders.p']);
  await runCli(terminal, ['__complete', 'events', 'tail', ...nowhere, '']);
  await runCli(terminal, ['__complete', 'token', '--tenant', 'g']);
  expect(terminal.stdout().split('\n')).toEqual(
    expect.arrayContaining(['orders.placeOrder', 'catalog', 'inventory', 'payments', 'globex']),
  );
  expect(terminal.stdout()).not.toContain('orders.getOrder');
});

test('what can not be found out is no word, and no error', async () => {
  expect(await complete('call', '--data-dir', 'nowhere', '')).toEqual([]);
  expect(await complete('dlq', 'show', 'orders', '')).toEqual([]);
});

const run = promisify(execFile);
const launcher = join(root, 'packages/cli/bin/fairlead.js');

test('bash, with the script that it is given, completes the word under the cursor', async () => {
  const lines = `
fairlead() { ${JSON.stringify(process.execPath)} ${JSON.stringify(launcher)} "$@"; }
eval "$(fairlead completion bash)"
complete -p fairlead
COMP_WORDS=(fairlead dlq re); COMP_CWORD=2
_fairlead
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-c', lines]);
  expect(stdout).toBe('complete -o default -F _fairlead fairlead\nredrive\n');
});

const shells = ['zsh', 'fish'] as const;
test.each(shells)('the script of %s asks the same question', async (shell) => {
  const terminal = testTerminal();
  expect(await runCli(terminal, ['completion', shell])).toBe(0);
  expect(terminal.stdout()).toContain('fairlead __complete');
  const installed = await run(shell, ['--version']).then(
    () => true,
    () => false,
  );
  // Where the shell is there, it reads its script.
  if (installed) await run(shell, ['-n', '-c', terminal.stdout()]);
});

test('a shell that there is no script for is answered with the nearest', async () => {
  const terminal = testTerminal();
  expect(await runCli(terminal, ['completion', 'bsh'])).toBe(2);
  expect(terminal.stderr()).toContain('Did you mean bash?');
});
