import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { importFile } from '@fairlead/proxy';
import { command } from '../command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { optionalText, toggle } from '../flag.ts';
import { importNoteLines } from '../import-notes.ts';

/** Flags of `import`. */
interface ImportFlags {
  readonly out: string | undefined;
  readonly json: boolean;
}

/** `fairlead import`: writes a configuration of another gateway as one of ours. */
export const importCommand = command<ImportFlags>({
  name: 'import',
  summary: 'Write a configuration of Kong or nginx as one of the gateway, or say by line what has no place',
  flags: {
    out: optionalText('where it is written (default: standard output)', 'file'),
    json: toggle('print one JSON object: the gateway that it was for, what was written, and the notes'),
  },
  positionals: [{ name: 'file', summary: 'the configuration of Kong (YAML, JSON) or nginx', required: true }],
  examples: [
    'fairlead import kong.yaml',
    'fairlead import kong.yaml --out gateway.yaml',
    'fairlead import nginx.conf --json',
  ],
  async run(terminal, { out, json }, [file = '']) {
    const imported = await importFile(resolve(terminal.cwd, file), { origin: file, env: terminal.env });
    const { of, notes, written, text } = imported;
    if (out !== undefined) await writeSecret(resolve(terminal.cwd, out), text);
    if (json) terminal.out(`${JSON.stringify({ of, notes, written })}\n`);
    else if (out === undefined) terminal.out(text);
    else
      terminal.out(
        `${[...importNoteLines({ of, notes }, file), `Written to ${out}. Run it with fairlead gateway run ${out}.`].join('\n')}\n`,
      );
    return EXIT_CODES.done;
  },
});

/** Only its owner may read it: secrets of tokens stand in it as they are. What was there keeps no wider rights either. */
async function writeSecret(file: string, text: string): Promise<void> {
  await using written = await open(file, 'w', 0o600);
  if ((await written.stat()).isFile()) await written.chmod(0o600);
  await written.writeFile(text);
}
