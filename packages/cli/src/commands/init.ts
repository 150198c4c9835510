import { readdir } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { FairleadError } from '@fairlead/core';
import { command } from '../command.ts';
import { text, toggle, UsageError } from '../flag.ts';
import { newNameFault } from '../service-name.ts';
import { inCheckout, writePlatform } from '../scaffold.ts';

/** Flags of `init`. */
interface InitFlags {
  readonly service: string;
  readonly json: boolean;
}

/** `fairlead init`: a new platform that runs at once. */
export const init = command<InitFlags>({
  name: 'init',
  summary: 'Make a new platform with one service, its tests and a README',
  flags: {
    service: text('the first service', 'name', 'notes'),
    json: toggle('print one JSON object'),
  },
  positionals: [{ name: 'name', summary: 'the folder, whose name is the name of the platform', required: true }],
  examples: ['fairlead init harbour', 'fairlead init harbour --service berths'],
  async run(terminal, { service, json }, [folder = '']) {
    const path = resolve(terminal.cwd, folder);
    const platform = basename(path);
    const wrong = newNameFault(platform, 'platform') ?? newNameFault(service, 'service');
    if (wrong !== undefined) throw new UsageError(wrong);
    const there = await readdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new FairleadError('conflict', 'FOLDER_TAKEN', `${path} is no folder that can be read: ${error.message}`);
    });
    if (there.length > 0)
      throw new FairleadError(
        'conflict',
        'FOLDER_TAKEN',
        `${path} is not empty (${there.slice(0, 3).join(', ')}${there.length > 3 ? ', …' : ''}). Choose another name, or empty it.`,
      );
    const files = await writePlatform(path, { platform, service });
    if (json) {
      terminal.out(`${JSON.stringify({ platform, folder: path, files })}\n`);
      return 0;
    }
    const lines = [
      `Made ${platform}: ${files.length} files in ${path}`,
      '',
      'Next:',
      ...(path === terminal.cwd ? [] : [`  cd ${relative(terminal.cwd, path)}`]),
      ...(inCheckout(path) ? [] : ['  npm install']),
      '  npm test',
      '  npm start',
    ];
    terminal.out(`${lines.join('\n')}\n`);
    return 0;
  },
});
