import { nobodyTold } from './gateway-processes.ts';
import type { GatewayProcesses } from './gateway-question.ts';

/** The metrics of all processes: of one as they are, of several each with a label `process`, since not all that is measured can be added. */
export async function expositionOf(processes: GatewayProcesses): Promise<string> {
  const told = await processes.ask('metrics', {});
  const parts = told.flatMap((each) => (each.kind === 'told' ? [each] : []));
  const [only] = parts;
  if (only === undefined) throw nobodyTold();
  if (told.length === 1) return only.answer;
  const families = new Map<string, string[]>();
  for (const { pid, answer } of parts) addTo(families, answer, pid);
  return `${[...families.values()].flat().join('\n')}\n`;
}

/** Lines of one metric must stand together. */
function addTo(families: Map<string, string[]>, exposition: string, pid: number): void {
  let family: string[] = [];
  let isNew = false;
  for (const line of exposition.split('\n')) {
    const [, name] = /^# (?:HELP|TYPE) (\S+)/.exec(line) ?? [];
    if (name !== undefined) {
      isNew = line.startsWith('# HELP') ? !families.has(name) : isNew || !families.has(name);
      family = families.get(name) ?? [];
      families.set(name, family);
      if (isNew) family.push(line);
    } else if (line !== '') family.push(labelled(line, pid));
  }
}

function labelled(line: string, pid: number): string {
  const brace = line.indexOf('{');
  const space = line.indexOf(' ');
  if (brace !== -1 && brace < space) return `${line.slice(0, brace)}{process="${pid}",${line.slice(brace + 1)}`;
  return `${line.slice(0, space)}{process="${pid}"}${line.slice(space)}`;
}
