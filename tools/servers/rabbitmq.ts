import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { converse, portOf } from './conversation.ts';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** Debian's launcher in PATH becomes another user; this one is what it starts. */
const FOLDERS = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/sbin', '/usr/local/sbin'];

/** RabbitMQ with a name server (epmd) of its own, so that it meets no other node on this machine. */
export const rabbitmq: ServerKind = {
  name: 'rabbitmq',
  packages: ['rabbitmq-server'],
  elsewhere: 'brew install rabbitmq',
  installed: () => findProgram('rabbitmq-server', FOLDERS) !== undefined,
  async prepare({ dataDir, freePort }) {
    const [port, nodes, names] = [await freePort(), await freePort(), await freePort()];
    for (const folder of ['mnesia', 'log', 'home']) mkdirSync(join(dataDir, folder), { recursive: true });
    const config = join(dataDir, 'rabbitmq.conf');
    writeFileSync(config, `listeners.tcp.1 = 127.0.0.1:${port}\nlog.console = true\nlog.file = false\n`);
    writeFileSync(join(dataDir, 'plugins'), '[].\n');
    const env = {
      HOME: join(dataDir, 'home'),
      ERL_EPMD_PORT: String(names),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: 'fairlead@localhost',
      RABBITMQ_DIST_PORT: String(nodes),
      RABBITMQ_CONFIG_FILE: config,
      RABBITMQ_ENABLED_PLUGINS_FILE: join(dataDir, 'plugins'),
      RABBITMQ_MNESIA_BASE: join(dataDir, 'mnesia'),
      RABBITMQ_LOG_BASE: join(dataDir, 'log'),
      RABBITMQ_PID_FILE: join(dataDir, 'rabbitmq.pid'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    };
    return {
      url: `amqp://guest:guest@127.0.0.1:${port}`,
      commands: [
        { file: requireProgram('epmd'), args: ['-address', '127.0.0.1', '-port', String(names)], env },
        { file: requireProgram('rabbitmq-server', FOLDERS), args: [], env },
      ],
    };
  },
  greet: (url, timeoutMs) =>
    converse({
      port: portOf(url),
      say: Buffer.from('AMQP\0\0\u0009\u0001', 'latin1'),
      understand(received) {
        if (received.length < 11) return undefined;
        // A method frame (1) on channel 0 with connection.start (10, 10); AMQP 0-9-1, section 2.3.5.
        const isStart = received[0] === 1 && received.readUInt16BE(7) === 10 && received.readUInt16BE(9) === 10;
        if (!isStart) throw new Error(`unexpected answer: ${received.toString('hex', 0, 11)}`);
        return 'connection.start';
      },
      timeoutMs,
    }),
};
