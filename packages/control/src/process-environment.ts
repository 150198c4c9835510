import type { PlatformModel } from '@fairlead/platform';

/** What only the supervisor may know (a superuser's credentials), or what would confuse a child. How much it records and how many connections it has are for it to know. */
const WITHHELD =
  /^(POSTGRES_URL|DATABASE_URL|PG[A-Z]+|NODE_CHANNEL_.*|FAIRLEAD_(?!(ACCESS_LINES|DATABASE_CONNECTIONS|BROKER_CONNECTIONS)$).*|OTEL_EXPORTER_OTLP_.*)$/;

/** An environment without undefined values and without what is withheld from every child. */
export function baseEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !WITHHELD.test(name)) kept[name] = value;
  return kept;
}

/**
 * Where the control process passes spans on to, when the person has a collector (OpenTelemetry's own variables). It
 * alone is told, in its configuration: everybody else sends to it, and the headers may hold a credential.
 */
export function collectorEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const named = Object.entries(env).filter(([name]) => name.startsWith('OTEL_EXPORTER_OTLP_'));
  return Object.fromEntries(named.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** `unix:/path` → `{ socketPath }`, anything else → `{ origin }`, as the gateway wants endpoints. */
export function gatewayEndpoint(url: string): { readonly socketPath: string } | { readonly origin: string } {
  return url.startsWith('unix:') ? { socketPath: url.slice('unix:'.length) } : { origin: url };
}

/** The port in `http://127.0.0.1:8080`; `undefined` when there is none. */
export function portOf(url: string | undefined): number | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { port } = new URL(url);
  return port === '' ? undefined : Number(port);
}

/** Externals that have a process here, and those that are only an address. */
export function splitExternals(model: PlatformModel): {
  readonly run: readonly {
    readonly name: string;
    readonly entry: string;
    readonly env: Readonly<Record<string, string>>;
  }[];
  readonly given: Readonly<Record<string, string>>;
} {
  const run = [];
  const given: Record<string, string> = {};
  for (const { name, run: entry, url, env } of model.externals) {
    if (entry !== undefined) run.push({ name, entry, env });
    else if (url !== undefined) given[name] = url;
  }
  return { run, given };
}
