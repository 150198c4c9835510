import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FairleadError } from '@fairlead/core';
import { loadPlatform } from '@fairlead/platform';
import { addServiceToBlueprint } from '../blueprint-edit.ts';
import { command } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { toggle, UsageError } from '../flag.ts';
import { platformFlag } from '../platform-flag.ts';
import { writeService } from '../scaffold.ts';
import { newNameFault } from '../service-name.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of `add service`. */
interface AddServiceFlags {
  readonly platform: string;
  readonly json: boolean;
}

/** What is wrong with a blueprint, seen by a process that has not imported it yet; `undefined` when it loads. */
async function faultOf(terminal: Terminal, blueprint: string): Promise<string | undefined> {
  const launcher = join(import.meta.dirname, '..', '..', 'bin', 'fairlead.js');
  const child = spawn(process.execPath, [launcher, 'check', '--platform', blueprint], {
    cwd: terminal.cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += String(chunk)));
  const [code] = await once(child, 'close');
  return code === 0 ? undefined : told.trim();
}

/** `fairlead add service`: one more service of the platform, with its route. */
const addService = command<AddServiceFlags>({
  name: 'service',
  summary: 'Add a service with a contract, a table and tests, and its route',
  flags: { platform: platformFlag, json: toggle('print one JSON object') },
  positionals: [{ name: 'name', summary: 'the new service', required: true }],
  examples: ['fairlead add service orders'],
  async run(terminal, { platform, json }, [name = '']) {
    const wrong = newNameFault(name, 'service');
    if (wrong !== undefined) throw new UsageError(wrong);
    const blueprint = resolve(terminal.cwd, platform);
    const model = await loadPlatform(blueprint);
    const root = dirname(blueprint);
    const folder = join(root, name);
    const taken = [...model.services, ...model.externals].some((each) => each.name === name);
    if (taken)
      throw new FairleadError('conflict', 'NAME_TAKEN', `${model.name} has a "${name}" already. Choose another name.`);
    if (model.routes.some(({ path }) => path === `/${name}`))
      throw new FairleadError(
        'conflict',
        'NAME_TAKEN',
        `A route of ${model.name} answers /${name} already. Choose another name.`,
      );
    if ((await stat(folder).catch(() => undefined)) !== undefined)
      throw new FairleadError(
        'conflict',
        'FOLDER_TAKEN',
        `${folder} is there already. Choose another name, or move it away.`,
      );

    const before = await readFile(blueprint, 'utf8');
    const files = (await writeService(folder, name)).map((file) => join(name, file));
    const edit = addServiceToBlueprint(before, name);
    if (edit.kind === 'edited') {
      await writeFile(blueprint, edit.text);
      const fault = await faultOf(terminal, blueprint);
      if (fault !== undefined) {
        await writeFile(blueprint, before);
        await rm(folder, { recursive: true });
        throw new FairleadError(
          'unprocessable',
          'NOT_ADDED',
          `${name} was not added, nothing is changed: with it, ${fault}`,
        );
      }
    }
    const shown = relative(terminal.cwd, blueprint);
    const todo = edit.kind === 'edited' ? [] : edit.lines;
    if (json) terminal.out(`${JSON.stringify({ service: name, files, blueprint: edit.kind, lines: todo })}\n`);
    else {
      terminal.out(`Added ${name}: ${files.join(', ')}\n`);
      if (todo.length === 0)
        terminal.out(
          `${shown} has it, and the route /${name}. A platform that runs already takes it in at its next start.\n`,
        );
      else
        terminal.out(
          `${shown} is written in a way of its own. Add there:\n${todo.map((line) => `  ${line}\n`).join('')}`,
        );
    }
    return 0;
  },
});

/** `fairlead add`: what can be added to a platform. */
export const add = commandGroup({ name: 'add', summary: 'Add to the platform', commands: [addService] });
