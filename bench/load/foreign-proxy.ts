import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A proxy that isn't ours, in front of one origin. */
export interface ForeignProxy extends AsyncDisposable {
  readonly port: number;
  /** The process that does the work. */
  readonly pid: number;
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

/** Starts nginx or HAProxy with one worker: kept connections to the origin, two fields set, no lines. */
export async function startForeignProxy(name: 'nginx' | 'haproxy', originPort: number): Promise<ForeignProxy> {
  const folder = mkdtempSync(join(tmpdir(), `fairlead-${name}-`));
  const port = await freePort();
  const file = join(folder, 'proxy.conf');
  writeFileSync(
    file,
    name === 'nginx' ? nginxConfiguration(folder, port, originPort) : haproxyConfiguration(port, originPort),
  );
  const args = name === 'nginx' ? ['-c', file, '-p', folder, '-e', 'stderr'] : ['-f', file];
  const child = spawn(name, args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.on('error', () => undefined);
  for (let tries = 0; tries < START_TRIES && !(await answers(port)); tries += 1) await sleep(50);
  const pid = child.pid ?? 0;
  return {
    port,
    pid: name === 'nginx' ? (childOf(pid) ?? pid) : pid,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function nginxConfiguration(folder: string, port: number, originPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    'daemon off;',
    'worker_processes 1;',
    `pid ${folder}/nginx.pid;`,
    'error_log stderr;',
    'events { worker_connections 1024; }',
    'http {',
    '  access_log off;',
    '  keepalive_requests 100000000;',
    ...temporary.map((each) => `  ${each}_temp_path ${folder}/${each};`),
    `  upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 100000000; }`,
    `  server { listen 127.0.0.1:${port}; location /orders {`,
    '    proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";',
    '    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http;',
    '  } }',
    '}',
    '',
  ].join('\n');
}

function haproxyConfiguration(port: number, originPort: number): string {
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
    '  use_backend orders if { path_beg /orders }',
    'backend orders',
    '  http-reuse always',
    `  server origin 127.0.0.1:${originPort}`,
    '',
  ].join('\n');
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

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/orders`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // A TCP server's address is an object once it listens.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
