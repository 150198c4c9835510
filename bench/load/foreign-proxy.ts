import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A proxy that isn't ours, in front of one origin. */
export interface ForeignProxy extends AsyncDisposable {
  readonly port: number;
  /** The process that does the work. */
  readonly pid: number;
}

/** What a proxy does besides forwarding. */
export interface ForeignExtras {
  /** Of HAProxy: tokens signed with RS256, a limit for each subject that nobody reaches, a line of JSON for each request. */
  readonly secured?: { readonly publicKeyFile: string; readonly issuer: string; readonly audience: string };
  /** Of nginx: TLS 1.3, with PEM files. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  /** Of nginx: answers come from its cache; or each request is another one for it, whose answer is stored, or is not. */
  readonly cache?: 'hit' | 'miss' | 'unstored';
  /** Of nginx: large bodies are passed on as they come, never through a file. */
  readonly isBulk?: boolean;
}

/** Ticks of the clock that Linux counts processor time in, each second. */
const TICKS_PER_SECOND = 100;
const START_TRIES = 100;

/** Processor time of a process so far, in microseconds, as Linux tells it. */
export function cpuUsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which is in brackets and may hold blanks: user and system time are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

/**
 * How long a process has waited for a processor that others had, in microseconds, as the kernel counts it for its main thread; 0 where it
 * doesn't.
 */
export function waitedUsOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1_000;
  } catch {
    return 0;
  }
}

/** Starts nginx or HAProxy with one worker: kept connections to the origin, two fields set, no lines but in `extras`. */
export async function startForeignProxy(
  name: 'nginx' | 'haproxy',
  originPort: number,
  extras: ForeignExtras = {},
): Promise<ForeignProxy> {
  const folder = mkdtempSync(join(tmpdir(), `fairlead-${name}-`));
  const port = await freePort();
  const file = join(folder, 'proxy.conf');
  writeFileSync(
    file,
    name === 'nginx'
      ? nginxConfiguration(folder, port, originPort, extras)
      : haproxyConfiguration(port, originPort, extras),
  );
  const args = name === 'nginx' ? ['-c', file, '-p', folder, '-e', 'stderr'] : ['-f', file];
  const child = spawn(name, args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.on('error', () => undefined);
  for (let tries = 0; tries < START_TRIES && !(await listens(port)); tries += 1) await sleep(50);
  const own = child.pid ?? 0;
  // nginx listens before its worker is there.
  for (let tries = 0; name === 'nginx' && tries < START_TRIES && childOf(own) === undefined; tries += 1)
    await sleep(50);
  return {
    port,
    pid: name === 'nginx' ? (childOf(own) ?? own) : own,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function nginxConfiguration(
  folder: string,
  port: number,
  originPort: number,
  { tls, isBulk, cache }: ForeignExtras,
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    'daemon off;',
    'worker_processes 1;',
    // Else its worker is somebody who may not write into the folder.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `pid ${folder}/nginx.pid;`,
    'error_log stderr;',
    'events { worker_connections 1024; }',
    'http {',
    '  access_log off;',
    '  keepalive_requests 100000000;',
    ...temporary.map((each) => `  ${each}_temp_path ${folder}/${each};`),
    ...(cache === undefined
      ? []
      : [`  proxy_cache_path ${folder}/cache keys_zone=bench:16m max_size=64m use_temp_path=off;`]),
    `  upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 100000000; }`,
    `  server { listen 127.0.0.1:${port}${tls === undefined ? '' : ' ssl'}; location /orders {`,
    '    proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";',
    '    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http;',
    ...(cache === undefined
      ? []
      : [
          '    proxy_cache bench; add_header X-Cache $upstream_cache_status;',
          ...(cache === 'hit' ? [] : ['    proxy_cache_key $request_id;']),
          ...(cache === 'unstored' ? ['    proxy_no_cache 1;'] : []),
        ]),
    '  }',
    ...(isBulk === true
      ? [
          '  client_max_body_size 8m; proxy_request_buffering off;',
          '  proxy_buffers 8 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;',
        ]
      : []),
    ...(tls === undefined
      ? []
      : [`  ssl_protocols TLSv1.3; ssl_certificate ${tls.certificateFile}; ssl_certificate_key ${tls.keyFile};`]),
    '  }',
    '}',
    '',
  ].join('\n');
}

function haproxyConfiguration(port: number, originPort: number, { secured }: ForeignExtras): string {
  return [
    'global',
    '  nbthread 1',
    'defaults',
    '  mode http',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout connect 5s',
    'frontend web',
    `  bind 127.0.0.1:${port}`,
    '  http-request set-header x-forwarded-for %[src]',
    '  http-request set-header x-forwarded-proto http',
    ...(secured === undefined ? [] : securedFrontend(secured)),
    '  use_backend orders if { path_beg /orders }',
    'backend orders',
    '  http-reuse always',
    `  server origin 127.0.0.1:${originPort}`,
    '',
  ].join('\n');
}

/** What HAProxy verifies by itself, as its manual has it for `jwt_verify`; the limit is one of a stick table. */
function securedFrontend({ publicKeyFile, issuer, audience }: NonNullable<ForeignExtras['secured']>): string[] {
  const line = '{"path":"%HPO","method":"%HM","status":%ST,"ms":%Ta,"sub":"%[var(txn.sub)]"}'.replaceAll('"', '\\"');
  return [
    '  log stdout format raw local0',
    `  log-format "${line}"`,
    '  stick-table type string len 64 size 10k expire 1m store http_req_rate(1s)',
    '  http-request set-var(txn.bearer) http_auth_bearer',
    "  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')",
    "  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')",
    "  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')",
    "  http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')",
    "  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')",
    '  http-request set-var(txn.now) date()',
    '  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }',
    `  http-request deny deny_status 401 unless { var(txn.iss) -m str ${issuer} }`,
    `  http-request deny deny_status 401 unless { var(txn.aud) -m str ${audience} }`,
    '  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }',
    `  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${publicKeyFile}") -m int 1 }`,
    '  http-request track-sc0 var(txn.sub)',
    '  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }',
  ];
}

/** The only child of a process. */
function childOf(pid: number): number | undefined {
  return readdirSync('/proc')
    .filter((each) => /^\d+$/.test(each))
    .map(Number)
    .find((each) => parentOf(each) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  const isOpen = await promise;
  socket.destroy();
  return isOpen;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // A TCP server's address is an object once it listens.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
