import { resolve } from 'node:path';
import type { Closeable } from '@fairlead/core';
import type { AdminServerOptions } from '@fairlead/proxy';
import { optionalText, toggle, UsageError, type Flag, type FlagTable } from '../../flag.ts';
import type { Terminal } from '../../terminal.ts';
import { credentialFrom } from './admin-credential.ts';

/** Flags of `gateway run` about operators. */
export interface AdminFlags {
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  readonly adminCredential: string | undefined;
  readonly adminAudit: string | undefined;
  readonly adminUnencrypted: boolean;
}

const adminFlag: Flag<AdminFlags['admin']> = {
  value: 'host:port',
  summary:
    'where operators ask: /status, /metrics, /openapi.json and more; a port alone is on 127.0.0.1 (default nowhere)',
  multiple: false,
  read([given]) {
    if (given === undefined) return undefined;
    const [, bracketed, name, digits] = /^(?:(?:\[([\da-fA-F:.]+)\]|([^:\s/]*)):)?(\d{1,5})$/.exec(given) ?? [];
    const port = Number(digits);
    if (!(port <= 65_535)) throw new UsageError(`takes a port, or host:port such as 0.0.0.0:9090, not "${given}"`);
    return { host: bracketed ?? (name === undefined || name === '' ? '127.0.0.1' : name), port };
  },
};

/** Those flags. */
export const adminFlags: FlagTable<AdminFlags> = {
  admin: adminFlag,
  adminCredential: optionalText(
    'a file with what operators need to change something; else FAIRLEAD_ADMIN_CREDENTIAL (default: nothing can be changed)',
    'file',
  ),
  adminAudit: optionalText('a file that each change is added to before it happens (default: the log alone)', 'file'),
  adminUnencrypted: toggle('take changes at an address that is not loopback, where others may read the credential'),
};

/** What answers operators; made, and loaded, when they have an address. */
export type Operated = () => Promise<Omit<AdminServerOptions, 'listen' | 'changes'>>;

/** Starts what operators ask, if they have an address. */
export async function startAdmin(
  terminal: Terminal,
  { admin: listen, adminCredential, adminAudit, adminUnencrypted }: AdminFlags,
  operated: Operated,
): Promise<(Closeable & { readonly url: string }) | undefined> {
  if (listen === undefined) return undefined;
  const credential = await credentialFrom(terminal, adminCredential);
  const changes =
    credential === undefined
      ? undefined
      : {
          credential,
          mayTravel: adminUnencrypted,
          auditFile: adminAudit === undefined ? undefined : resolve(terminal.cwd, adminAudit),
        };
  const { serveAdmin } = await import('@fairlead/proxy');
  return serveAdmin({ ...(await operated()), listen, changes });
}
