import type { Mapping } from './mapping.ts';

/** What variables of nginx are, where a text is read. */
export interface Known {
  /** Literal values: those of the listener and the server, and what `set` and `map` make. Names without `$`. */
  readonly values: ReadonlyMap<string, string>;
  /** Variables that `map` makes of another. */
  readonly mappings: ReadonlyMap<string, Mapping>;
}

/** A text in our form, or why there is none. */
export type Translated = { readonly text: string } | { readonly fault: string };

/** Variables that have a placeholder. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  args: '{query}',
  binary_remote_addr: '{client-address}',
  content_type: '{header:content-type}',
  document_uri: '{path}',
  host: '{host}',
  proxy_add_x_forwarded_for: '{forwarded-for}',
  proxy_protocol_addr: '{client-address}',
  query_string: '{query}',
  realip_remote_addr: '{client-address}',
  remote_addr: '{client-address}',
  remote_user: '{consumer}',
  request_id: '{request-id}',
  request_method: '{method}',
  request_uri: '{target}',
  scheme: '{scheme}',
  uri: '{path}',
};

const VARIABLE = /\$(?:\{(\w+)\}|(\w+))/g;
/** A literal text that would be read as one of our placeholders. */
const LIKE_PLACEHOLDER = /\{[a-z-]+(?::[^{}]+)?\}/;

/** The names of the variables in a text. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(VARIABLE)].map(([, braced, bare]) => braced ?? bare ?? '');
}

/** A text with variables as one with our placeholders. */
export function template(text: string, known: Known): Translated {
  // Together they are the query with its question mark.
  const joined = text.replaceAll(/\$(?:\{is_args\}|is_args)\$(?:\{args\}|args\b)/g, '\u0000');
  let out = '';
  let end = 0;
  for (const found of joined.matchAll(VARIABLE)) {
    const literal = joined.slice(end, found.index);
    if (LIKE_PLACEHOLDER.test(literal)) return { fault: `holds ${literal}, which has a meaning of its own here` };
    const name = found[1] ?? found[2] ?? '';
    const value = known.values.get(name) ?? placeholderOf(name);
    if (value === undefined) return { fault: faultOf(name, known) };
    out += literal + value;
    end = found.index + found[0].length;
  }
  const rest = joined.slice(end);
  if (LIKE_PLACEHOLDER.test(rest)) return { fault: `holds ${rest}, which has a meaning of its own here` };
  return { text: (out + rest).replaceAll('\u0000', '{search}') };
}

function placeholderOf(name: string): string | undefined {
  const [, kind, rest = ''] = /^(http|arg|cookie)_(\w+)$/.exec(name) ?? [];
  if (kind === 'http') return `{header:${rest.toLowerCase().replaceAll('_', '-')}}`;
  if (kind === 'arg') return `{parameter:${rest}}`;
  if (kind === 'cookie') return `{cookie:${rest}}`;
  return PLACEHOLDERS[name];
}

function faultOf(name: string, { mappings }: Known): string {
  if (mappings.has(name)) return `names $${name}, which map makes; that is known in if, and for Connection, only`;
  if (/^\d$/.test(name))
    return `names the group $${name}, which is known in rewrite, and in the path of proxy_pass and return, only`;
  if (name.startsWith('upstream_http_'))
    return `names $${name}; what the service of auth_request says is taken by auth_request_set`;
  return `names $${name}, which is not known here`;
}
