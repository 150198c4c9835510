import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realClock } from '@fairlead/core';

const clock = realClock();
const SERVERS = fileURLToPath(new URL('../../../../../../tools/servers/main.ts', import.meta.url));

/** Installs nginx where it is missing; its path, or `undefined` where it can't be had. */
export function nginxProgram(folder: string): string | undefined {
  for (const verb of ['up', 'down']) {
    const args = ['--conditions=@fairlead/source', SERVERS, verb, 'nginx', '--json', '--dir', join(folder, 'servers')];
    const ended = spawnSync(process.execPath, args, { encoding: 'utf8' });
    // On a laptop what can't be had is skipped; in CI the command fails.
    if (ended.status !== 0) throw new Error(`nginx did not come up: ${ended.stderr}`);
  }
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
  ];
  return folders.map((each) => join(each, 'nginx')).find((file) => existsSync(file));
}

/** Runs nginx on what stands in `http`, until it listens. */
export async function runNginx(
  program: string,
  folder: string,
  http: string,
  listening: { host: string; port: number },
): Promise<ChildProcess> {
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    file,
    [
      'daemon off; master_process off; worker_processes 1;',
      `pid ${folder}/nginx.pid; error_log ${folder}/error.log;`,
      'events { worker_connections 512; }',
      'http {',
      '  access_log off;',
      ...temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`),
      http,
      '}',
    ].join('\n'),
  );
  const child = spawn(program, ['-c', file, '-p', folder, '-e', join(folder, 'error.log')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  while (child.exitCode === null) {
    const socket = createConnection(listening);
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return child;
    await clock.sleep(10);
  }
  throw new Error(`nginx refuses: ${said}`);
}
