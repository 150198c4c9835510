import type { AdminClient } from '@fairlead/proxy';
import { span } from '../../ago.ts';
import { plain, type Palette } from '../../colour.ts';
import { command } from '../../command.ts';
import { whole } from '../../flag.ts';
import { counted, table } from '../../table.ts';
import { asked, askFlags, type AskFlags } from './ask-gateway.ts';

/** `fairlead gateway status`. */
export const status = command<AskFlags>({
  name: 'status',
  summary: 'Say what a gateway that runs has at work, since when, and what was refused last',
  flags: askFlags,
  examples: ['fairlead gateway status', 'fairlead gateway status --admin 127.0.0.1:9090 --json'],
  run: (terminal, flags) =>
    asked(
      terminal,
      flags,
      async (client) => {
        const [state, listeners, clusters] = await Promise.all([
          client.call('getStatus', {}),
          client.call('getListeners', {}),
          client.call('getClusters', {}),
        ]);
        return { ...state, listeners: listeners.listeners, clusters: clusters.clusters };
      },
      (told, colour) => [
        `${plain(told.origin)}, hash ${told.hash.slice(0, 12)}, at work for ${span(told.ageS * 1_000)}${told.isDraining ? colour.waiting(', draining') : ''}`,
        `${counted(told.requests, 'request')} under way on ${counted(told.connections, 'connection')}; changes are ${told.changes}`,
        '',
        ...table(
          told.listeners.map(({ name, url, connections, certificates }) => [
            `listener ${plain(name)}`,
            url,
            counted(connections, 'connection'),
            certificates.map(({ names, daysLeft }) => expiry(names, daysLeft, colour)).join('; '),
          ]),
        ),
        ...table(
          told.clusters.flatMap(({ name, pid, endpoints }) =>
            endpoints.map(({ address, state, reason = '', until, inFlight }) => [
              `cluster ${plain(name)}`,
              address,
              state === 'serving' ? colour.good(state) : colour.bad(state),
              counted(inFlight, 'request'),
              [plain(reason), until === undefined ? '' : `until ${until}`].filter((text) => text !== '').join(' '),
              told.processes.length > 1 ? `process ${pid}` : '',
            ]),
          ),
        ),
        ...told.processes.flatMap(({ pid, told: isTold, why = '' }) =>
          isTold ? [] : [colour.bad(`The process ${pid} has not told: ${plain(why)}`)],
        ),
        ...refusalLines(told.lastRefusal, colour),
      ],
    ),
});

function expiry(names: readonly string[], daysLeft: number, colour: Palette): string {
  const text = `${names.join(', ')} for ${daysLeft} days`;
  return daysLeft < 7 ? colour.bad(text) : text;
}

function refusalLines(refusal: Awaited<ReturnType<typeof stateOf>>['lastRefusal'], colour: Palette): readonly string[] {
  if (refusal?.reason === undefined) return [];
  const { message, problems } = refusal.reason;
  return [
    '',
    colour.bad(`Refused at ${refusal.at}, so that the one before stays: ${plain(message)}`),
    ...problems.map(({ path, message: text, line }) =>
      plain(`  ${line === undefined ? '' : `line ${line}: `}${path === '' ? '' : `${path}: `}${text}`),
    ),
  ];
}

/** For its type. */
function stateOf(client: AdminClient) {
  return client.call('getStatus', {});
}

/** `fairlead gateway routes`. */
export const routes = command<AskFlags & { readonly most: number }>({
  name: 'routes',
  summary: 'Show what happened to the requests of each route in about the last minute, the busiest first',
  flags: { ...askFlags, most: whole('at most so many', 'count', { min: 1, max: 10_000, fallback: 50 }) },
  examples: ['fairlead gateway routes', 'fairlead gateway routes --most 10'],
  run: (terminal, flags) =>
    asked(
      terminal,
      flags,
      (client) => client.call('getRoutes', { most: flags.most }),
      ({ routes: told, unmatched, all }, colour) => [
        ...table([
          ['route', 'requests/s', 'failed', 'refused', 'p50', 'p95', 'p99', 'most frequent causes'].map((head) =>
            colour.faint(head),
          ),
          ...[...told, { route: '(no route)', ...unmatched }].map((each) => [
            plain(each.route),
            each.perSecond.toFixed(1),
            each.failed === 0 ? '0' : colour.bad(String(each.failed)),
            String(each.refused),
            ms(each.p50Ms),
            ms(each.p95Ms),
            ms(each.p99Ms),
            each.causes
              .slice(0, 3)
              .map(({ cause, requests }) => `${plain(cause)} ${requests}`)
              .join(', '),
          ]),
        ]),
        ...(all > told.length ? [`and ${counted(all - told.length, 'quieter route')}`] : []),
      ],
    ),
});

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** `fairlead gateway limits`. */
export const limits = command<AskFlags & { readonly share: number; readonly most: number }>({
  name: 'limits',
  summary: 'Show the rate limits of a gateway, and who is near them',
  flags: {
    ...askFlags,
    share: whole('who has used at least so many percent', 'percent', { min: 0, max: 100, fallback: 80 }),
    most: whole('at most so many of each', 'count', { min: 1, max: 10_000, fallback: 20 }),
  },
  examples: ['fairlead gateway limits', 'fairlead gateway limits --share 50'],
  run: (terminal, flags) =>
    asked(
      terminal,
      flags,
      (client) => client.call('getLimits', { share: flags.share / 100, most: flags.most }),
      ({ limits: told }, colour) =>
        told.length === 0
          ? ['There are no rate limits.']
          : told.flatMap(({ name, by, keys, admitted, refused, rates, isShared }) => [
              `${colour.strong(plain(name))} by ${plain(by)}: ${counted(keys, 'key')}, ${admitted} let through, ${refused} refused${isShared ? ', counted elsewhere' : ''}`,
              ...table(
                rates.flatMap(({ rate, near }) =>
                  near.map(({ key, used, available }) => [
                    `  ${plain(key) === '' ? '(those without)' : plain(key)}`,
                    rate,
                    `${Math.round(used * 100)} % used`,
                    `${available} left`,
                  ]),
                ),
              ),
            ]),
    ),
});

/** `fairlead gateway cache`. */
export const cache = command<AskFlags & { readonly most: number }>({
  name: 'cache',
  summary: 'Show what the caches of a gateway hold, and how often that was enough',
  flags: {
    ...askFlags,
    most: whole('list so many stored answers of each', 'count', { min: 0, max: 1_000, fallback: 0 }),
  },
  examples: ['fairlead gateway cache', 'fairlead gateway cache --most 20'],
  run: (terminal, flags) =>
    asked(
      terminal,
      flags,
      (client) => client.call('getCache', { most: flags.most }),
      ({ caches }, colour) =>
        caches.length === 0
          ? ['There are no caches.']
          : caches.flatMap(({ zone, store, entries, bytes, maxBytes, counts, listed }) => [
              `${colour.strong(plain(zone))} (${store}): ${entries < 0 ? 'entries not counted' : counted(entries, 'answer')}, ${kib(bytes)} of ${kib(maxBytes)}`,
              `  ${Object.entries(counts)
                .map(([name, count]) => `${name} ${count}`)
                .join(', ')}`,
              ...table(
                listed.map(({ url, status: code, bytes: size, ttlS, tags }) => [
                  `  ${plain(url)}`,
                  String(code),
                  kib(size),
                  ttlS < 0 ? colour.waiting('stale') : `fresh for ${span(ttlS * 1_000)}`,
                  plain(tags.join(', ')),
                ]),
              ),
            ]),
    ),
});

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1_024)} KiB`;
}
