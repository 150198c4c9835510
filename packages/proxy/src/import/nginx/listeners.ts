import type { WrittenSnapshot } from '../imported.ts';
import type { Directive } from './directive.ts';
import type { Listen } from './listening.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Site } from './site.ts';
import { durationText, sizeBytes, sizeText, timeMs } from './units.ts';
import type { Origins } from './written.ts';

/** A listener, as people write ours. */
export type WrittenListener = WrittenSnapshot['listeners'][number];

/** A socket with the servers behind it. */
export interface Socket {
  readonly name: string;
  readonly address: string;
  readonly port: number | undefined;
  readonly isTls: boolean;
  readonly listens: readonly { readonly site: Site; readonly listen: Listen }[];
  /** Takes requests whose host no server has. */
  readonly fallback: Site;
}

/** The sockets of all servers: each address once. */
export function socketsOf(sites: readonly Site[], problems: NginxProblems): readonly Socket[] {
  const byAddress = new Map<string, { site: Site; listen: Listen }[]>();
  const all = sites.flatMap((site) => site.listens.map((listen) => ({ site, listen })));
  for (const each of all) {
    const address = joinedAddress(
      each.listen,
      all.map(({ listen }) => listen),
    );
    const there = byAddress.get(address);
    if (there === undefined) byAddress.set(address, [each]);
    // The same server at both addresses of a port.
    else if (!there.some(({ site }) => site === each.site)) there.push(each);
  }
  return [...byAddress].flatMap(([address, listens]) => {
    const [first, ...more] = listens;
    if (first === undefined) return [];
    const defaults = listens.filter(({ listen }) => listen.isDefault);
    for (const { listen } of defaults.slice(1))
      problems.refuse(listen.directive, `is the second default_server of ${address}`);
    const special = all.find(
      ({ listen }) =>
        address.startsWith('0.0.0.0:') &&
        listen.address !== address &&
        listen.port === first.listen.port &&
        !listen.address.startsWith('['),
    );
    if (special !== undefined)
      problems.refuse(
        special.listen.directive,
        `is at a port at which ${address} is, too; write one of them for all servers`,
      );
    const { port } = first.listen;
    const usual = port === undefined ? 'unix' : `port-${port}`;
    const isPlain = /^(?:0\.0\.0\.0|\[::\]):/.test(address);
    const name = isPlain
      ? usual
      : address
          .replaceAll(/[^A-Za-z0-9]+/g, '-')
          .replaceAll(/^-|-$/g, '')
          .slice(-60);
    return [
      {
        name,
        address,
        port,
        isTls: [first, ...more].some(({ listen }) => listen.isTls),
        listens,
        fallback: (defaults[0] ?? first).site,
      },
    ];
  });
}

/** One socket takes IPv4 and IPv6 of a port: a second one could not be opened beside it. */
function joinedAddress({ address, port }: Listen, all: readonly Listen[]): string {
  const both = `[::]:${port}`;
  return address === `0.0.0.0:${port}` && all.some((each) => each.address === both) ? both : address;
}

/** A socket as a listener of ours. */
export function listenerOf(
  { name, address, isTls, listens, fallback }: Socket,
  { problems, origins }: { readonly problems: NginxProblems; readonly origins: Origins },
): WrittenListener {
  const [{ listen } = { listen: undefined }] = listens;
  const limits = limitsOf(fallback, problems);
  const trusted = trustedOf(
    listens.map(({ site }) => site),
    problems,
  );
  const written: WrittenListener = {
    name,
    address,
    ...(isTls
      ? {
          tls: tlsOf(
            listens.map(({ site }) => site),
            fallback,
            problems,
            origins,
          ),
        }
      : {}),
    ...(listens.some((each) => each.listen.hasHttp2) ? { http2: true } : {}),
    ...(listens.some((each) => each.listen.hasProxyProtocol) ? { proxyProtocol: true } : {}),
    ...(trusted.length === 0 ? {} : { trustedProxies: [...trusted] }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  return listen === undefined ? written : origins.from(listen.directive, written);
}

function tlsOf(
  sites: readonly Site[],
  fallback: Site,
  problems: NginxProblems,
  origins: Origins,
): NonNullable<WrittenListener['tls']> {
  const ordered = [fallback, ...sites.filter((site) => site !== fallback)];
  const seen = new Set<string>();
  const certificates = ordered.flatMap((site) => {
    const certificate = site.scope.nearest('ssl_certificate');
    const key = site.scope.nearest('ssl_certificate_key');
    if (certificate === undefined)
      problems.refuse(
        site.listens.find(({ isTls }) => isTls)?.directive ?? site.directive,
        'asks for TLS, and there is no ssl_certificate',
      );
    else if (key === undefined) problems.refuse(certificate, 'has no key: ssl_certificate_key is missing');
    if (certificate === undefined || key === undefined) return [];
    const [file = ''] = certificate.words;
    if (file.includes('$')) problems.refuse(certificate, 'is chosen by a variable, which is not known here');
    if (seen.has(file)) return [];
    seen.add(file);
    return [origins.from(certificate, { certificate: file, key: key.words[0] ?? '' })];
  });
  const [only, ...more] = certificates;
  const protocols = fallback.scope.nearest('ssl_protocols');
  const old = protocols?.words.some((word) => ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1'].includes(word)) === true;
  if (protocols !== undefined && old) problems.note(protocols, 'TLS 1.2 is the lowest version here');
  const min = protocols !== undefined && protocols.words.every((word) => word === 'TLSv1.3') ? '1.3' : '1.2';
  const first = only ?? { certificate: '', key: '' };
  return {
    ...(more.length === 0 ? first : { certificates: [first, ...more] }),
    ...clientsOf(ordered, problems),
    ...(min === '1.2' ? {} : { min }),
  };
}

function clientsOf(
  sites: readonly Site[],
  problems: NginxProblems,
): { readonly clients?: { readonly authority: string; readonly required: boolean } } {
  for (const { scope } of sites) {
    const verify = scope.nearest('ssl_verify_client');
    const [mode = 'off'] = verify?.words ?? [];
    if (verify === undefined || mode === 'off') continue;
    const authority = scope.nearest('ssl_client_certificate');
    if (mode !== 'on' && mode !== 'optional')
      problems.refuse(verify, `has ${mode}, which is not known here; there are on, optional and off`);
    else if (authority === undefined)
      problems.refuse(verify, 'has no ssl_client_certificate, which says who signs those of clients');
    else return { clients: { authority: authority.words[0] ?? '', required: false } };
  }
  return {};
}

function limitsOf({ scope }: Site, problems: NginxProblems): NonNullable<WrittenListener['limits']> {
  const time = (name: string): string | undefined => {
    const directive = scope.nearest(name);
    const ms = timeMs(directive?.words[0] ?? '');
    if (directive === undefined) return undefined;
    if (ms === undefined) problems.refuse(directive, `has ${directive.words.join(' ')}, which is no time`);
    else if (ms === 0) problems.note(directive, 'connections are kept all the same; 0 would mean for ever here');
    return ms === undefined || ms === 0 ? undefined : durationText(ms);
  };
  const buffers = scope.nearest('large_client_header_buffers');
  const [count = '4', size = '8k'] = buffers?.words ?? [];
  const bytes = sizeBytes(size);
  if (buffers !== undefined && bytes === undefined) problems.refuse(buffers, 'takes a number and a size');
  warnOfNames(scope.nearest('underscores_in_headers'), problems);
  const entries = Object.entries({
    idleTimeout: time('keepalive_timeout'),
    headTimeout: time('client_header_timeout'),
    bodyTimeout: time('client_body_timeout'),
    readerTimeout: time('send_timeout'),
    maxHead: buffers === undefined || bytes === undefined ? undefined : sizeText(bytes * Number(count)),
    maxTarget: buffers === undefined || bytes === undefined ? undefined : sizeText(bytes),
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function warnOfNames(directive: Directive | undefined, problems: NginxProblems): void {
  if (directive?.words[0] === 'on')
    problems.note(directive, 'fields with underscores in their names are left out all the same');
}

function trustedOf(sites: readonly Site[], problems: NginxProblems): readonly string[] {
  return [
    ...new Set(
      sites.flatMap(({ scope }) => {
        const from = scope.level('set_real_ip_from');
        const header = scope.nearest('real_ip_header');
        const [name = 'X-Real-IP'] = header?.words ?? [];
        const [first] = from;
        if (first === undefined || name === 'proxy_protocol') return [];
        if (name.toLowerCase() !== 'x-forwarded-for') {
          problems.refuse(header ?? first, `takes addresses from ${name}; here it is X-Forwarded-For`);
          return [];
        }
        if (scope.nearest('real_ip_recursive')?.words[0] !== 'on')
          problems.note(
            header ?? first,
            'trusted addresses in X-Forwarded-For are passed over, as with real_ip_recursive on',
          );
        return from.flatMap(({ words: [block = ''] }) => (block === 'unix:' ? [] : [block]));
      }),
    ),
  ];
}
