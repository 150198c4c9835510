import { FairleadError } from '@fairlead/core';

/** The parts of a connection string. */
export interface DatabaseAddress {
  readonly user: string;
  readonly password: string;
  /** A host name, or the directory of a unix socket (begins with `/`). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/**
 * Takes a connection string apart: `postgresql://user:password@host:port/database`. The host may be a percent-encoded
 * socket directory, or be given as `?host=`.
 * @throws MISCONFIGURED when it can't be read; the message never repeats it
 */
export function parseDatabaseUrl(url: string, whose: string): DatabaseAddress {
  const parsed = readUrl(url);
  if (parsed === undefined) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `${whose}: the database URL can't be read. Write it as postgresql://user:password@host:port/database (special characters percent-encoded).`,
    );
  }
  return parsed;
}

function readUrl(url: string): DatabaseAddress | undefined {
  const parsed = URL.parse(url) ?? URL.parse(url.replace('@/', '@localhost/').replace(/^(\w+:\/\/)\//, '$1localhost/'));
  if (parsed === null || (parsed.protocol !== 'postgresql:' && parsed.protocol !== 'postgres:')) return undefined;
  try {
    const user = decodeURIComponent(parsed.username);
    const host = parsed.searchParams.get('host') ?? decodeURIComponent(parsed.hostname);
    const database = decodeURIComponent(parsed.pathname.slice(1));
    return {
      user,
      password: decodeURIComponent(parsed.password),
      host: host === '' ? 'localhost' : host,
      port: Number(parsed.searchParams.get('port') ?? (parsed.port === '' ? '5432' : parsed.port)),
      database: database === '' ? user : database,
    };
  } catch {
    return undefined;
  }
}

/**
 * What the driver is to be told. It is given the parts, since its own reading leaves some escapes in database names; a
 * URL with parameters (sslmode, options) is passed on whole, because only the driver knows them.
 */
export function driverAddress(url: string, whose: string): DatabaseAddress | { readonly connectionString: string } {
  const address = parseDatabaseUrl(url, whose);
  return url.includes('?') ? { connectionString: url } : address;
}

/** Writes a connection string; a socket directory becomes a percent-encoded host, so that any URL parser reads it. */
export function formatDatabaseUrl(address: DatabaseAddress): string {
  const { user, password, host, port, database } = address;
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const at = host.includes(':') ? `[${host}]` : encodeURIComponent(host);
  return `postgresql://${credentials}@${at}:${port}/${encodeURIComponent(database)}`;
}

/** The same connection string with other credentials or another database; what else it says (TLS, options) is kept. */
export function rewriteDatabaseUrl(
  url: string,
  changes: { readonly user?: string; readonly password?: string; readonly database?: string },
): string {
  const parsed = URL.parse(url) ?? URL.parse(url.replace('@/', '@localhost/').replace(/^(\w+:\/\/)\//, '$1localhost/'));
  if (parsed === null) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      "The database URL can't be read. Write it as postgresql://user:password@host:port/database.",
    );
  }
  if (changes.user !== undefined) parsed.username = encodeURIComponent(changes.user);
  if (changes.password !== undefined) parsed.password = encodeURIComponent(changes.password);
  if (changes.database !== undefined) parsed.pathname = `/${encodeURIComponent(changes.database)}`;
  return parsed.href;
}

/** An SQL identifier, quoted: whatever the name holds, it stays one name. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal, quoted. Only for statements that take no parameters, such as CREATE ROLE. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
