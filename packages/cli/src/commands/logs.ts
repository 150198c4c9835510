import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { dataDirAt } from '@fairlead/control';
import { FairleadError, nearest, realClock } from '@fairlead/core';
import { palette } from '../colour.ts';
import { command } from '../command.ts';
import { toggle, whole } from '../flag.ts';
import { formatLogLine, readLogLine } from '../log-line.ts';
import { logNames } from '../known-names.ts';
import { logTail, type LogTail } from '../log-tail.ts';
import { dataDirFlag } from '../running.ts';

/** Flags of `logs`. */
interface LogsFlags {
  readonly follow: boolean;
  readonly lines: number;
  readonly raw: boolean;
  readonly json: boolean;
  readonly dataDir: string;
}

interface NamedLine {
  readonly name: string;
  readonly line: string;
  /** When it was written, or the time of the line before it that says. */
  readonly time: number;
}

const POLL_MS = 200;

async function namesIn(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder).catch(() => []);
  return files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length));
}

function noSuchLog(name: string, names: readonly string[], folder: string): FairleadError {
  const near = nearest(name, names);
  const hint = near === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean "${near}"?`;
  return new FairleadError('not-found', 'LOG_NOT_FOUND', `${folder} has no log of "${name}". ${hint}`);
}

/** Lines of several logs in order of time; a line that does not say keeps its place after the one before it. */
async function nextLines(tails: readonly LogTail[]): Promise<readonly NamedLine[]> {
  const all = await Promise.all(
    tails.map(async (tail) => {
      let time = 0;
      return (await tail.next()).map((line) => {
        time = readLogLine(line).time ?? time;
        return { name: tail.name, line, time };
      });
    }),
  );
  return all.flat().toSorted((a, b) => a.time - b.time);
}

/** `fairlead logs`: what the processes wrote, of one or of all. */
export const logs = command<LogsFlags>({
  name: 'logs',
  summary: 'Show what the processes wrote',
  flags: {
    follow: toggle('go on showing what comes'),
    lines: whole('how many of the latest lines to begin with', 'n', { min: 0, max: 100_000, fallback: 100 }),
    raw: toggle('print lines as they were written'),
    json: toggle('print one JSON object a line: name, time, level, text, traceId'),
    dataDir: dataDirFlag,
  },
  positionals: [
    {
      name: 'service',
      summary: 'a service, an external, gateway, control or postgres; all without one',
      required: false,
      complete: logNames,
    },
  ],
  examples: ['fairlead logs', 'fairlead logs orders --follow', 'fairlead logs postgres --lines 20'],
  async run(terminal, flags, [service]) {
    const data = dataDirAt(resolve(terminal.cwd, flags.dataDir));
    const folder = join(data.path, 'logs');
    const names = await namesIn(folder);
    if (service !== undefined && !names.includes(service)) throw noSuchLog(service, names, folder);
    const colour = palette(terminal.colours);
    const tails = (service === undefined ? names : [service]).map((name) => logTail(name, data.log(name)));
    const shown = (name: string, line: string): string => {
      if (flags.raw) return line;
      const read = readLogLine(line);
      return flags.json ? JSON.stringify({ name, ...read }) : formatLogLine(name, read, colour);
    };
    const show = (lines: readonly NamedLine[]): void => {
      for (const { name, line } of lines) terminal.out(`${shown(name, line)}\n`);
    };
    const before = await nextLines(tails);
    show(flags.lines === 0 ? [] : before.slice(-flags.lines));
    if (!flags.follow) return 0;
    const clock = realClock();
    // Ends with the process: Ctrl-C, or a closed pipe.
    for (;;) {
      await clock.sleep(POLL_MS);
      show(await nextLines(tails));
    }
  },
});
