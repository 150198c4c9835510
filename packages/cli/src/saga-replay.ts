import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { replay, type AnySaga, type ReplayVerdict, type SagaHistory } from '@fairlead/events';
import { loadPlatform, type PlatformModel } from '@fairlead/platform';
import { palette } from './colour.ts';
import { command } from './command.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { toggle, UsageError } from './flag.ts';
import { platformFlag } from './platform-flag.ts';
import { counted } from './table.ts';

/** A history that was stored, and what today's code makes of it. */
type Replayed =
  | { readonly file: string; readonly saga: string; readonly id: string; readonly verdict: ReplayVerdict }
  | { readonly file: string; readonly problem: string };

/** `fairlead saga replay`: whether runs that have begun can go on by today's code. */
export const replaySagas = command<{ readonly platform: string; readonly json: boolean }>({
  name: 'replay',
  summary: "Run stored histories on today's code and show where they differ; does nothing of what the code asks for",
  flags: { platform: platformFlag, json: toggle('print one JSON object: items') },
  positionals: [
    { name: 'path', summary: 'a file that saga show --json wrote, or a folder of such .json files', required: true },
  ],
  examples: ['fairlead saga replay histories/', 'fairlead saga replay order-42.json --json'],
  async run(terminal, { platform, json }, [path = '']) {
    const files = await filesOf(resolve(terminal.cwd, path));
    const model = await loadPlatform(resolve(terminal.cwd, platform));
    const items: Replayed[] = [];
    for (const file of files) items.push(await replayed(file, model));
    const bad = items.filter((item) => 'problem' in item || item.verdict.kind === 'different');
    if (json) terminal.out(`${JSON.stringify({ items })}\n`);
    else {
      const colour = palette(terminal.colours);
      for (const item of bad) {
        if ('problem' in item) terminal.err(`${colour.bad(item.file)}: ${item.problem}\n`);
        else if (item.verdict.kind === 'different')
          terminal.err(`${colour.bad(`${item.saga} ${item.id}`)} (${item.file})\n${item.verdict.difference}\n\n`);
      }

      terminal.out(`${items.length - bad.length} of ${counted(items.length, 'run')} can go on by today's code.\n`);
    }
    return bad.length === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
  },
});

async function filesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined)
    throw new UsageError(`there is nothing at ${path}; fairlead saga show --json writes a history`);
  if (!found.isDirectory()) return [path];
  const files = (await readdir(path)).filter((name) => name.endsWith('.json')).toSorted();
  if (files.length === 0) throw new UsageError(`${path} has no .json files; fairlead saga show --json writes them`);
  return files.map((name) => join(path, name));
}

async function replayed(file: string, { services }: PlatformModel): Promise<Replayed> {
  const history = historyOf(await readFile(file, 'utf8'));
  if (typeof history === 'string') return { file, problem: history };
  const service = services.find(({ name }) => name === history.service);
  if (service === undefined) return { file, problem: `the platform has no service ${history.service}` };
  const sagas: readonly AnySaga[] = Object.values(service.definition.sagas ?? {});
  const saga = sagas.find(({ name }) => name === history.saga);
  if (saga === undefined) return { file, problem: `${history.service} has no saga ${history.saga} any more` };
  return { file, saga: saga.name, id: history.id, verdict: await replay(saga, history) };
}

/** What a file holds, or why that is no history. */
function historyOf(text: string): (SagaHistory & { readonly service: string }) | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  const isHistory =
    typeof value === 'object' &&
    value !== null &&
    ['service', 'saga', 'id', 'seed'].every((name) => typeof Object(value)[name] === 'string') &&
    'journal' in value &&
    Array.isArray(value.journal);
  // `as`: written by saga show --json, as its members say.
  return isHistory
    ? (value as SagaHistory & { readonly service: string })
    : 'is no history that saga show --json wrote';
}
