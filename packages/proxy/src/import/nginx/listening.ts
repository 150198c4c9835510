import { isIP } from 'node:net';
import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import { serverAddress } from './upstreams.ts';

/** A `listen` of a server. */
export interface Listen {
  /** As our form writes it: `0.0.0.0:80`, `[::]:80`, `unix:/path`. */
  readonly address: string;
  /** `undefined` of a Unix socket. */
  readonly port: number | undefined;
  readonly directive: Directive;
  readonly isDefault: boolean;
  readonly isTls: boolean;
  readonly hasHttp2: boolean;
  readonly hasProxyProtocol: boolean;
}

/** Options of sockets that change nothing of what is promised. */
const OF_SOCKETS =
  /^(?:reuseport|deferred|bind|setfib=.*|fastopen=.*|backlog=.*|rcvbuf=.*|sndbuf=.*|accept_filter=.*|so_keepalive=.*|ipv6only=.*)$/;

/** Where a server listens; without a word of it at port 80. */
export function readListens(server: Directive, scope: Scope, problems: NginxProblems): readonly Listen[] {
  const http2 = scope.nearest('http2')?.words[0] === 'on';
  const own = scope.own('listen');
  const all = own.length === 0 ? [{ ...server, words: ['80'] }] : own;
  return all.flatMap((directive) => {
    const [text = '', ...options] = directive.words;
    const address = addressOf(text);
    if (address === undefined) {
      problems.refuse(
        directive,
        `has ${JSON.stringify(text)}, which is no address; write 80, 127.0.0.1:8080, [::]:80 or unix:/run/gateway.sock`,
      );
      return [];
    }
    for (const option of options) {
      if (['default_server', 'default', 'ssl', 'http2', 'proxy_protocol'].includes(option) || OF_SOCKETS.test(option))
        continue;
      problems.refuse(
        directive,
        option === 'quic'
          ? 'asks for HTTP/3, which the gateway does not speak'
          : `has ${option}, which is not known here`,
      );
    }
    return [
      {
        ...address,
        directive,
        isDefault: options.includes('default_server') || options.includes('default'),
        isTls: options.includes('ssl'),
        hasHttp2: http2 || options.includes('http2'),
        hasProxyProtocol: options.includes('proxy_protocol'),
      },
    ];
  });
}

function addressOf(text: string): Pick<Listen, 'address' | 'port'> | undefined {
  if (text.startsWith('unix:/')) return { address: text, port: undefined };
  const bare = text.replace(/^\*(?=$|:)/, '0.0.0.0');
  if (/^\d{1,5}$/.test(bare))
    return Number(bare) > 65_535 ? undefined : { address: `0.0.0.0:${bare}`, port: Number(bare) };
  const read = serverAddress(bare);
  if (read === undefined || 'path' in read) return undefined;
  const { host, port = 80 } = read;
  return { address: `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, port };
}

/** The names of a server, as nginx tells them apart. */
export interface ServerNames {
  /** As `hosts` of our routes. */
  readonly hosts: readonly (string | { readonly regex: string })[];
  /** What `$server_name` is. */
  readonly first: string;
}

/** Reads the `server_name` of a server. */
export function readServerNames(
  scope: Scope,
  problems: NginxProblems,
  wholeOf: (source: string) => string,
  faultOf: (regex: string) => string | undefined,
): ServerNames {
  const words = scope.own('server_name').flatMap((directive) => directive.words.map((word) => ({ word, directive })));
  const hosts = words.flatMap(({ word, directive }): ServerNames['hosts'] => {
    if (word.startsWith('~')) {
      const regex = `(?i)${wholeOf(word.slice(1))}`;
      const fault = faultOf(regex);
      if (fault !== undefined) problems.refuse(directive, `has an expression that ${fault}`);
      return fault === undefined ? [{ regex }] : [];
    }
    if (word.startsWith('.')) return [word.slice(1), `*${word}`];
    // A name that no request has, as people write it for servers that take what is left.
    if (word === '' || /^[_-]+$/.test(word)) return [];
    if (/\*/.test(word.replace(/^\*\.|\.\*$/, ''))) {
      problems.refuse(directive, `has ${word}; a * stands for the first label or the last one`);
      return [];
    }
    return [word.toLowerCase()];
  });
  const [first] = words;
  return { hosts, first: first === undefined || first.word.startsWith('~') ? '' : first.word.replace(/^\./, '') };
}
