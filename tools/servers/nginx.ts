import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { converse, line, portOf } from './conversation.ts';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** nginx that answers 200 to everything; benches write routes of their own into its configuration. */
export const nginx: ServerKind = {
  name: 'nginx',
  packages: ['nginx-light'],
  elsewhere: 'brew install nginx',
  installed: () => findProgram('nginx') !== undefined,
  async prepare({ dataDir, freePort }) {
    const port = await freePort();
    const file = join(dataDir, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(
      file,
      [
        'daemon off;',
        'worker_processes 1;',
        `pid ${dataDir}/nginx.pid;`,
        'error_log stderr;',
        'events { worker_connections 1024; }',
        'http {',
        '  access_log off;',
        ...temporary.map((name) => `  ${name}_temp_path ${dataDir}/${name};`),
        `  server { listen 127.0.0.1:${port}; location / { return 200 "nginx\\n"; } }`,
        '}',
        '',
      ].join('\n'),
    );
    const args = ['-c', file, '-p', dataDir, '-e', 'stderr'];
    return { url: `http://127.0.0.1:${port}`, commands: [{ file: requireProgram('nginx'), args }] };
  },
  greet: (url, timeoutMs) =>
    converse({
      port: portOf(url),
      say: 'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
      understand: line(/^HTTP\/1\.1 200 OK\r\nServer: nginx/i),
      timeoutMs,
    }),
};
