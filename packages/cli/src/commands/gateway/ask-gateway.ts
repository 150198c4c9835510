import { FairleadError, realClock, realRandom } from '@fairlead/core';
import { adminClient, type AdminClient } from '@fairlead/proxy';
import { palette, type Palette } from '../../colour.ts';
import { EXIT_CODES } from '../../exit-codes.ts';
import { optionalText, toggle, UsageError, type FlagTable } from '../../flag.ts';
import type { Terminal } from '../../terminal.ts';
import { credentialFrom } from './admin-credential.ts';

/** Flags of commands that ask a gateway that runs. */
export interface AskFlags {
  readonly admin: string | undefined;
  readonly json: boolean;
}

/** Flags of commands that change something. */
export interface ChangeFlags extends AskFlags {
  readonly credential: string | undefined;
  readonly who: string | undefined;
}

/** Those flags. */
export const askFlags: FlagTable<AskFlags> = {
  admin: optionalText(
    'where the gateway is asked, as given to gateway run --admin; else FAIRLEAD_GATEWAY_ADMIN (default 127.0.0.1:9090)',
    'host:port',
  ),
  json: toggle('print one JSON object'),
};

/** Those flags. */
export const changeFlags: FlagTable<ChangeFlags> = {
  ...askFlags,
  credential: optionalText('a file with the credential; else FAIRLEAD_ADMIN_CREDENTIAL', 'file'),
  who: optionalText('who asks for it, for the audit log; else USER', 'name'),
};

const DEFAULT_ADMIN = '127.0.0.1:9090';

/** Asks a gateway, and prints what it says: as JSON, or as lines. */
export async function asked<Answer extends object>(
  terminal: Terminal,
  flags: AskFlags & { readonly credential?: string | undefined },
  ask: (client: AdminClient) => Promise<Answer>,
  lines: (answer: Answer, colour: Palette) => readonly string[],
): Promise<number> {
  const endpoint = endpointOf(flags.admin ?? terminal.env['FAIRLEAD_GATEWAY_ADMIN'] ?? DEFAULT_ADMIN);
  const credential = 'credential' in flags ? await credentialFrom(terminal, flags.credential) : undefined;
  await using client = adminClient({ endpoint, credential, clock: realClock(), random: realRandom() });
  const answer = await ask(client).catch((error: unknown) => {
    throw unreachable(error, endpoint);
  });
  if (flags.json) terminal.out(`${JSON.stringify(answer)}\n`);
  else terminal.out(`${lines(answer, palette(terminal.colours)).map(plainBeyondColour).join('\n')}\n`);
  return EXIT_CODES.done;
}

function endpointOf(text: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const [, bracketed, name, digits] = /^(?:(?:\[([\da-fA-F:.]+)\]|([^:\s/]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= 65_535)) throw new UsageError(`--admin takes host:port or unix:/path, not "${text}"`);
  return { host: bracketed ?? (name === undefined || name === '' ? '127.0.0.1' : name), port };
}

function unreachable(error: unknown, endpoint: ReturnType<typeof endpointOf>): unknown {
  if (!(error instanceof FairleadError) || error.code !== 'CONNECTION_FAILED') return error;
  const where = 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
  return new FairleadError(
    'unavailable',
    'UNAVAILABLE',
    `No gateway is asked at ${where}. Start one with fairlead gateway run FILE --admin, or say where with --admin.`,
    { cause: error },
  );
}

/** What a gateway says may hold what strangers have sent: a line stays a line. */
function plainBeyondColour(line: string): string {
  return line.replaceAll('\n', ' ');
}

/** Who asks for a change, for the audit log. */
export function whoAsks(terminal: Terminal, flags: ChangeFlags): { readonly who?: string } {
  const name = flags.who ?? terminal.env['USER'];
  return name === undefined || name === '' ? {} : { who: name };
}
