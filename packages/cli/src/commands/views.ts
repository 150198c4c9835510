import type { ViewState } from '@fairlead/control';
import { span } from '../ago.ts';
import { oneLine, palette, type Palette } from '../colour.ts';
import { command } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { toggle } from '../flag.ts';
import { serviceNames, viewNames } from '../known-names.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import { table } from '../table.ts';
import { part } from '../part.ts';

const HEAD = ['VIEW', 'KIND', 'BUILD', 'STATE', 'BEHIND', 'PARKED', ''];

function rowsOf(view: ViewState, colour: Palette): readonly (readonly string[])[] {
  const builds: readonly unknown[] = Array.isArray(view['builds']) ? view['builds'] : [];
  return builds.map((build, index) => {
    const progress = part(build, 'progress');
    const parked = Number(part(progress, 'parked') ?? 0);
    const stopped = part(progress, 'stopped');
    const number = part(build, 'number');
    const isRead = number === view['reading'];
    return [
      index === 0 ? colour.strong(`${view.service} ${oneLine(view['name'])}`) : '',
      index === 0 ? oneLine(view['kind']) : '',
      `${String(part(build, 'version'))}.${String(number)}`,
      isRead ? `${oneLine(part(build, 'state'))}, read` : oneLine(part(build, 'state')),
      progress === undefined ? '' : span(Number(part(progress, 'lagMs'))),
      parked === 0 ? '' : colour.bad(String(parked)),
      stopped === undefined
        ? ''
        : colour.bad(`${oneLine(part(stopped, 'code'))}: ${oneLine(part(stopped, 'message'))}`),
    ];
  });
}

const list = command<{ readonly json: boolean; readonly dataDir: string }>({
  name: 'list',
  summary: 'List projections and replicas: what is read, what is being built, how far it is behind',
  flags: { json: toggle('print one JSON object: items, partial, unanswered'), dataDir: dataDirFlag },
  positionals: [
    { name: 'service', summary: 'only of this service; of all without it', required: false, complete: serviceNames },
  ],
  examples: ['fairlead views list', 'fairlead views list orders --json'],
  async run(terminal, { json, dataDir }, [service]) {
    const admin = await runningAdmin(terminal, dataDir);
    const found = await admin.views(service === undefined ? {} : { service });
    const code = found.partial ? EXIT_CODES.failed : EXIT_CODES.done;
    if (json) {
      terminal.out(`${JSON.stringify(found)}\n`);
      return code;
    }
    const colour = palette(terminal.colours);
    const rows = found.items.flatMap((view) => rowsOf(view, colour));
    if (rows.length > 0) terminal.out(`${table([HEAD.map((title) => colour.faint(title)), ...rows]).join('\n')}\n`);
    else if (!found.partial) terminal.out('No projections and no replicas.\n');
    for (const { service: name, reason } of found.unanswered)
      terminal.err(`${name} did not answer: ${reason}. It may have views too.\n`);
    return code;
  },
});

const rebuild = command<{ readonly json: boolean; readonly dataDir: string }>({
  name: 'rebuild',
  summary: 'Build a view anew beside the one that is read, which it replaces when it has caught up',
  flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
  positionals: [
    { name: 'service', summary: 'service whose view it is', required: true, complete: serviceNames },
    { name: 'view', summary: 'its name, from fairlead views list', required: true, complete: viewNames },
  ],
  examples: ['fairlead views rebuild orders order-days'],
  async run(terminal, { json, dataDir }, [service = '', view = '']) {
    const admin = await runningAdmin(terminal, dataDir);
    const begun = await admin.rebuildView({ service, view });
    if (json) terminal.out(`${JSON.stringify(begun)}\n`);
    else
      terminal.out(
        `${service}: ${view} is being built anew as build ${begun.build}; what is read stays until it has caught up.\n`,
      );
    return EXIT_CODES.done;
  },
});

/** `fairlead views`: projections and replicas of services. */
export const views = commandGroup({
  name: 'views',
  summary: 'Projections and replicas: list them, build them anew',
  commands: [list, rebuild],
});
