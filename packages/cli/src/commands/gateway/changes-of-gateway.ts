import { parseDuration } from '@fairlead/core';
import { span } from '../../ago.ts';
import { plain } from '../../colour.ts';
import { command } from '../../command.ts';
import { EXIT_CODES } from '../../exit-codes.ts';
import { optionalText, toggle, UsageError, type Flag } from '../../flag.ts';
import { counted } from '../../table.ts';
import { asked, changeFlags, whoAsks, type ChangeFlags } from './ask-gateway.ts';

interface PurgeFlags extends ChangeFlags {
  readonly tag: string | undefined;
  readonly url: string | undefined;
  readonly all: boolean;
  readonly zone: string | undefined;
}

/** `fairlead gateway purge`. */
export const purge = command<PurgeFlags>({
  name: 'purge',
  summary: 'Have a gateway forget stored answers: those of a tag, of a URL, or all',
  flags: {
    ...changeFlags,
    tag: optionalText('answers that name this in Cache-Tag or Surrogate-Key', 'tag'),
    url: optionalText('the answers of this URL, all their variants', 'url'),
    all: toggle('all answers'),
    zone: optionalText('of this cache only (default: of every one)', 'zone'),
  },
  examples: ['fairlead gateway purge --tag shoes --credential token.txt', 'fairlead gateway purge --all --zone pages'],
  run(terminal, flags) {
    const { tag, url, all, zone } = flags;
    if ([tag !== undefined, url !== undefined, all].filter(Boolean).length !== 1)
      throw new UsageError('give --tag, --url or --all, and one of them');
    const what = {
      ...(all ? { all } : {}),
      ...(tag === undefined ? {} : { tag }),
      ...(url === undefined ? {} : { url }),
    };
    return asked(
      terminal,
      flags,
      (client) =>
        client.call('purgeCache', { ...what, ...(zone === undefined ? {} : { zone }), ...whoAsks(terminal, flags) }),
      ({ processes }) => [
        `Forgotten: ${counted(
          processes.reduce((sum, { count = 0 }) => sum + count, 0),
          'answer',
        )}.`,
      ],
    );
  },
});

const forFlag: Flag<number> = {
  value: 'duration',
  summary: 'for how long, such as 90s, 10m, 1h; at most 24h (default 10m)',
  multiple: false,
  read([given = '10m']) {
    const durationMs = parseDuration(given);
    if (durationMs === undefined || durationMs <= 0)
      throw new UsageError(`takes a duration such as 90s or 10m, not "${given}"`);
    return durationMs / 1_000;
  },
};

const place = [
  { name: 'cluster', summary: 'the cluster', required: true },
  { name: 'address', summary: 'the endpoint, as gateway status shows it', required: true },
] as const;

/** `fairlead gateway eject`. */
export const eject = command<ChangeFlags & { readonly for: number; readonly force: boolean }>({
  name: 'eject',
  summary: 'Have a gateway leave an endpoint out for a time; what it has under way goes on',
  flags: { ...changeFlags, for: forFlag, force: toggle('even when nobody would be left to ask') },
  positionals: place,
  examples: ['fairlead gateway eject orders http://10.0.0.7:8080 --for 10m --credential token.txt'],
  run: (terminal, flags, [cluster = '', address = '']) =>
    asked(
      terminal,
      flags,
      (client) =>
        client.call('ejectEndpoint', {
          cluster,
          address,
          forS: flags.for,
          force: flags.force,
          ...whoAsks(terminal, flags),
        }),
      ({ processes }) =>
        outcomeLines(processes, `${address} of ${cluster} is left out for ${span(flags.for * 1_000)}.`),
    ),
});

/** `fairlead gateway restore`. */
export const restore = command<ChangeFlags>({
  name: 'restore',
  summary: 'Have a gateway ask an endpoint again that was left out',
  flags: changeFlags,
  positionals: place,
  examples: ['fairlead gateway restore orders http://10.0.0.7:8080 --credential token.txt'],
  run: (terminal, flags, [cluster = '', address = '']) =>
    asked(
      terminal,
      flags,
      (client) => client.call('restoreEndpoint', { cluster, address, ...whoAsks(terminal, flags) }),
      ({ processes }) => outcomeLines(processes, `${address} of ${cluster} is asked again.`),
    ),
});

/** `fairlead gateway reload`. */
export const reload = command<ChangeFlags>({
  name: 'reload',
  summary: 'Have a gateway read its configuration now; a bad one is refused, and the last good one stays',
  flags: changeFlags,
  examples: ['fairlead gateway reload --credential token.txt'],
  async run(terminal, flags) {
    let isRefused = false;
    await asked(
      terminal,
      flags,
      async (client) => {
        const answer = await client.call('reloadConfig', whoAsks(terminal, flags));
        isRefused = answer.processes.some(({ outcome }) => outcome === 'refused');
        return answer;
      },
      ({ processes }, colour) =>
        processes.flatMap(({ outcome, hash, reason }) =>
          reason === undefined
            ? [outcome === 'taken' ? `Taken: hash ${(hash ?? '').slice(0, 12)}.` : 'It means what it meant.']
            : [
                colour.bad(`Refused: ${plain(reason.message)}`),
                ...reason.problems.map(({ path, message, line }) =>
                  plain(`  ${line === undefined ? '' : `line ${line}: `}${path}: ${message}`),
                ),
              ],
        ),
    );
    return isRefused ? EXIT_CODES.failed : EXIT_CODES.done;
  },
});

function outcomeLines(
  processes: readonly { readonly pid: number; readonly outcome: string }[],
  done: string,
): readonly string[] {
  const others = processes.filter(({ outcome }) => outcome !== 'done');
  return [done, ...others.map(({ pid, outcome }) => `Not by the process ${pid}: ${outcome}.`)];
}
