import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FairleadError, realClock } from '@fairlead/core';
import { explainRequest, loadSnapshot, type Candidate, type Destiny, type Explanation } from '@fairlead/proxy';
import { palette, type Palette } from '../colour.ts';
import { commandGroup } from '../command-group.ts';
import { command } from '../command.ts';
import { edgeGateway } from '../edge-routes.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { optionalText, shortAs, texts, toggle, UsageError } from '../flag.ts';
import { dataDirFlag, snapshot } from '../running.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of `route explain`. */
interface ExplainFlags {
  readonly config: string | undefined;
  readonly header: readonly string[];
  readonly claim: readonly string[];
  readonly body: string | undefined;
  readonly from: string | undefined;
  readonly listener: string | undefined;
  readonly all: boolean;
  readonly json: boolean;
  readonly dataDir: string;
}

/** Others than the winner that are shown without `--all`. */
const MOST_SHOWN = 8;

interface RequestLine {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** `GET https://shop.test/orders`, or only the URL; with headers as curl takes them, or without. */
function readRequestLine(line: string): RequestLine {
  const [request = '', ...headers] = line.trim().split(/\s+(?:-H|--header)\s+/);
  const [first = '', second, ...more] = request.split(/\s+/);
  if (more.length > 0) throw new UsageError(`"${line}" is no request; write 'GET https://shop.test/orders'`);
  return {
    method: second === undefined ? 'GET' : first,
    url: second ?? first,
    headers: headers.map((header) => readHeader(header.trim().replace(/^(["'])(.*)\1$/, '$2'))),
  };
}

function readHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon < 1) throw new UsageError(`--header takes 'name: value', not "${line}"`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

/** `plan=gold`, or any JSON behind the equals sign. */
function readClaim(line: string): readonly [string, unknown] {
  const equals = line.indexOf('=');
  if (equals < 1) throw new UsageError(`--claim takes name=value, not "${line}"`);
  const value = line.slice(equals + 1);
  try {
    return [line.slice(0, equals), JSON.parse(value)];
  } catch {
    return [line.slice(0, equals), value];
  }
}

async function readBody(terminal: Terminal, body: string | undefined): Promise<string | undefined> {
  if (body?.startsWith('@') !== true) return body;
  const file = body.slice(1);
  return readFile(resolve(terminal.cwd, file), 'utf8').catch(() => {
    throw new UsageError(`--body names ${file}, which can't be read`);
  });
}

function duration(ms: number): string {
  if (ms === 0) return 'no limit';
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

function size(bytes: number): string {
  if (bytes === 0) return 'none';
  for (const [unit, factor] of [
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return `${bytes} B`;
}

function destinyLines(destiny: Destiny, colour: Palette): readonly string[] {
  if (destiny.kind === 'refused')
    return [`${colour.bad(`is refused with ${destiny.status} ${destiny.code}`)}: ${destiny.why}.`];
  const { parameters, filters, destinations, policy, needed } = destiny;
  const rows = [
    ...Object.entries(parameters).map(([name, value]) => ['  parameter', `${name} = ${value}`]),
    ...needed.map((each) => [
      '  needs',
      each === 'identity' ? 'who asks, proved by a filter for all routes' : 'the body',
    ]),
    ...filters.map(({ type, says, isShared }) => ['  filter', `${type}${isShared ? ' (all routes)' : ''}: ${says}`]),
    ...destinations.map(({ cluster, share, endpoints, balancer }) => [
      '  to',
      `${cluster}${share === 1 ? '' : ` ${Math.round(share * 1_000) / 10}%`}, by ${balancer}: ${endpoints.join(', ') || 'nobody answers'}`,
    ]),
    ['  policy', policy === undefined ? 'none' : `${policy.name} (of the ${policy.of})`],
    ['  limits', `time ${duration(destiny.timeoutMs)}, body ${size(destiny.maxBodyBytes)}`],
  ];
  return [`goes by the route ${colour.good(destiny.route)}`, ...table(rows)];
}

function candidateRow({ route, match, words, hosts, verdict }: Candidate, colour: Palette): readonly string[] {
  const name = match === 0 ? route : `${route} (match ${match})`;
  const what = hosts.length === 0 ? words : `${hosts.join(', ')} ${words}`;
  if (verdict.kind === 'won') return [`  ${colour.good(name)}`, colour.good('wins'), what];
  return verdict.kind === 'outranked'
    ? [`  ${name}`, colour.waiting('fits, but'), verdict.why]
    : [`  ${name}`, colour.faint('does not fit'), verdict.why];
}

function explanationLines({ request, listener, destiny, candidates }: Explanation, all: boolean, colour: Palette) {
  const shown = all
    ? candidates
    : candidates.filter(({ verdict }, index) => verdict.kind !== 'does-not-fit' || index <= MOST_SHOWN);
  const left = candidates.length - shown.length;
  return [
    `${request.method} ${request.host}${request.path}${request.query} at the listener ${listener.name} (${listener.address})`,
    ...destinyLines(destiny, colour),
    '',
    'Routes:',
    ...table(shown.map((candidate) => candidateRow(candidate, colour))),
    ...(left === 0 ? [] : [`  and ${left} that do not fit; --all shows them`]),
  ];
}

/** What is asked: the file that is named, else what the gateway of the running platform was started with. */
async function explainedGateway(terminal: Terminal, { config, dataDir }: ExplainFlags) {
  if (config !== undefined) {
    const file = resolve(terminal.cwd, config);
    return { snapshot: await loadSnapshot(file, { clock: realClock(), origin: config }), kinds: undefined };
  }
  const { state, running } = await snapshot(terminal, dataDir);
  const found = running && state !== undefined ? await edgeGateway(state) : undefined;
  if (found !== undefined) return found;
  throw new FairleadError(
    'unavailable',
    'UNAVAILABLE',
    `No platform with a gateway runs on ${resolve(terminal.cwd, dataDir)}. Start one with fairlead up, or name the configuration of a gateway with --config.`,
  );
}

const explain = command<ExplainFlags>({
  name: 'explain',
  summary: 'Say which route a request takes and why, without sending it',
  flags: {
    config: optionalText('the configuration of a gateway (default: that of the platform that runs)', 'file'),
    header: shortAs('H', texts("a header of the request, as 'name: value'", 'header')),
    claim: texts('a claim of a verified token, as name=value; the value may be JSON', 'claim'),
    body: optionalText('the body, as text or as @file', 'body'),
    from: optionalText('the address of the client (default 127.0.0.1)', 'address'),
    listener: optionalText("the listener (default: that of the URL's port, else the first)", 'name'),
    all: toggle('show every route, also when many do not fit'),
    json: toggle('print one JSON object'),
    dataDir: dataDirFlag,
  },
  positionals: [
    {
      name: 'request',
      summary: "method and URL in quotes, such as 'POST https://shop.test/orders'; -H may stand there, too",
      required: true,
    },
  ],
  examples: [
    "fairlead route explain 'GET /orders'",
    "fairlead route explain 'GET https://shop.test/v2/orders' --config gateway.yaml",
    "fairlead route explain 'POST /orders' -H 'x-ring: canary' --claim plan=gold --config gateway.yaml",
  ],
  async run(terminal, flags, [line = '']) {
    const explained = await explainedGateway(terminal, flags);
    const { method, url, headers } = readRequestLine(line);
    const explanation = explainRequest(
      explained.snapshot,
      {
        method,
        url,
        headers: [...headers, ...flags.header.map(readHeader)],
        claims: flags.claim.length === 0 ? undefined : Object.fromEntries(flags.claim.map(readClaim)),
        body: await readBody(terminal, flags.body),
        clientAddress: flags.from,
        listener: flags.listener,
      },
      explained.kinds,
    );
    if (flags.json) terminal.out(`${JSON.stringify(explanation)}\n`);
    else terminal.out(`${explanationLines(explanation, flags.all, palette(terminal.colours)).join('\n')}\n`);
    return explanation.destiny.kind === 'route' ? EXIT_CODES.done : EXIT_CODES.failed;
  },
});

/** `fairlead route`: where requests go. */
export const route = commandGroup({ name: 'route', summary: 'Where requests go: explain', commands: [explain] });
