import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { realRandom } from '@fairlead/core';
import { newApiKey, newPasswordHash } from '@fairlead/proxy';
import { command } from '../../command.ts';
import { EXIT_CODES } from '../../exit-codes.ts';
import { toggle, UsageError } from '../../flag.ts';

/** `fairlead gateway password`: a password's hash, and a password if none is given. */
export const password = command<{ readonly json: boolean }>({
  name: 'password',
  summary: 'Hash a password for the filter basic-auth, or make one with its hash',
  flags: { json: toggle('print one JSON object') },
  positionals: [
    { name: 'file', summary: 'where the password is, such as /dev/stdin; default: one is made', required: false },
  ],
  examples: ['fairlead gateway password', 'fairlead gateway password /dev/stdin < secret.txt'],
  async run(terminal, { json }, [file]) {
    const random = realRandom();
    const given = file === undefined ? undefined : await passwordIn(resolve(terminal.cwd, file), file);
    // As random as an API key, which can be written with fewer mistakes.
    const text = given ?? newApiKey(random).key;
    const made = { ...(given === undefined ? { password: text } : {}), hash: await newPasswordHash(text, random) };
    if (json) terminal.out(`${JSON.stringify(made)}\n`);
    else {
      const shown = given === undefined ? `password  ${text}\n` : '';
      const once = given === undefined ? 'The password is shown this once. ' : '';
      terminal.out(`${shown}hash      ${made.hash}\n${once}Put the hash into the filter basic-auth.\n`);
    }
    return EXIT_CODES.done;
  },
});

/** A file's first line, which must be all of it. */
async function passwordIn(path: string, name: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${name} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const [line = '', ...rest] = text.replace(/\r?\n$/, '').split('\n');
  if (line === '' || rest.length > 0) throw new UsageError(`${name} must hold the password as its only line`);
  return line;
}
