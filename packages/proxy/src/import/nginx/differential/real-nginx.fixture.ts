import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { realClock } from '@fairlead/core';
import { nginx } from '../../../../../../tools/servers/nginx.ts';
import { findProgram } from '../../../../../../tools/servers/programs.ts';
import { canHave } from '../../../../../../tools/servers/real-server.ts';

const clock = realClock();

/** Installs nginx where it is missing; its path, or `undefined` where it can't be had. */
export function nginxProgram(): string | undefined {
  return canHave(nginx) ? findProgram('nginx') : undefined;
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
