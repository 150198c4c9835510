import { realRandom } from '@fairlead/core';
import { newApiKey } from '@fairlead/proxy';
import { command } from '../../command.ts';
import { EXIT_CODES } from '../../exit-codes.ts';
import { toggle } from '../../flag.ts';

/** `fairlead gateway key`: an API key and its hash. */
export const key = command<{ readonly json: boolean }>({
  name: 'key',
  summary: 'Make an API key: its owner gets the key, the configuration its hash',
  flags: { json: toggle('print one JSON object') },
  examples: ['fairlead gateway key'],
  async run(terminal, { json }) {
    const made = newApiKey(realRandom());
    if (json) terminal.out(`${JSON.stringify(made)}\n`);
    else
      terminal.out(
        `key   ${made.key}\nhash  ${made.hash}\nThe key is shown this once. Put the hash into the filter api-key.\n`,
      );
    return EXIT_CODES.done;
  },
});
