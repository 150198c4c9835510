import { converse, line, portOf } from './conversation.ts';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** Redis in memory: nothing survives a stop. */
export const redis: ServerKind = {
  name: 'redis',
  packages: ['redis-server'],
  elsewhere: 'brew install redis',
  installed: () => findProgram('redis-server') !== undefined,
  async prepare({ dataDir, freePort }) {
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dataDir, '--save', '', '--appendonly', 'no'];
    return { url: `redis://127.0.0.1:${port}`, commands: [{ file: requireProgram('redis-server'), args }] };
  },
  greet: (url, timeoutMs) =>
    converse({ port: portOf(url), say: 'PING\r\n', understand: line(/^\+PONG\r\n/), timeoutMs }),
};
