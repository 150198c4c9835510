import { resolve } from 'node:path';
import { stopPlatform, type StopOutcome } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { command } from '../command.ts';
import { toggle } from '../flag.ts';
import { dataDirFlag } from '../running.ts';

/** Flags of `down`. */
interface DownFlags {
  readonly json: boolean;
  readonly dataDir: string;
}

function said(outcome: StopOutcome): string {
  switch (outcome.kind) {
    case 'drained':
      return 'Stopped.';
    case 'forced':
      return `The supervisor (process ${outcome.pid}) did not end in time and was ended by force; so were: ${outcome.leftovers.join(', ') || 'no others'}.`;
    case 'leftovers':
      return `Ended what a killed supervisor had left: ${outcome.leftovers.join(', ')}.`;
    case 'nothing':
      return 'Nothing ran here.';
  }
}

/** `fairlead down`: ends the platform of a data directory, or what is left of it. */
export const down = command<DownFlags>({
  name: 'down',
  summary: 'Stop the platform that runs here, and whatever a killed one left',
  flags: { json: toggle('print one JSON object: kind, leftovers'), dataDir: dataDirFlag },
  examples: ['fairlead down', 'fairlead down --json'],
  async run(terminal, flags) {
    const outcome = await stopPlatform(resolve(terminal.cwd, flags.dataDir), { clock: realClock() });
    terminal.out(`${flags.json ? JSON.stringify(outcome) : said(outcome)}\n`);
    return 0;
  },
});
