import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { converse, line, portOf } from './conversation.ts';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** HAProxy that answers 200 to everything; benches write backends of their own into its configuration. */
export const haproxy: ServerKind = {
  name: 'haproxy',
  packages: ['haproxy'],
  elsewhere: 'brew install haproxy',
  installed: () => findProgram('haproxy') !== undefined,
  async prepare({ dataDir, freePort }) {
    const port = await freePort();
    const file = join(dataDir, 'haproxy.cfg');
    writeFileSync(
      file,
      [
        'global',
        '  maxconn 1024',
        'defaults',
        '  mode http',
        '  timeout connect 5s',
        '  timeout client 30s',
        '  timeout server 30s',
        'frontend edge',
        `  bind 127.0.0.1:${port}`,
        '  http-request return status 200 content-type text/plain string "haproxy"',
        '',
      ].join('\n'),
    );
    const args = ['-f', file, '-db'];
    return { url: `http://127.0.0.1:${port}`, commands: [{ file: requireProgram('haproxy'), args }] };
  },
  greet: (url, timeoutMs) =>
    converse({
      port: portOf(url),
      say: 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n',
      understand: line(/^HTTP\/1\.1 200 OK\r\n[^]*haproxy$/),
      timeoutMs,
    }),
};
