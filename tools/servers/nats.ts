import { converse, line, portOf } from './conversation.ts';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** NATS with JetStream. */
export const nats: ServerKind = {
  name: 'nats',
  packages: ['nats-server'],
  elsewhere: 'brew install nats-server',
  installed: () => findProgram('nats-server') !== undefined,
  async prepare({ dataDir, freePort }) {
    const port = await freePort();
    const args = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', dataDir];
    return { url: `nats://127.0.0.1:${port}`, commands: [{ file: requireProgram('nats-server'), args }] };
  },
  greet: (url, timeoutMs) =>
    converse({
      port: portOf(url),
      say: 'CONNECT {"verbose":false}\r\nPING\r\n',
      understand: line(/^PONG\r\n/m),
      timeoutMs,
    }),
};
