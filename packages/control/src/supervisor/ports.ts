import { createServer } from 'node:net';
import { fail } from '../errors.ts';

/**
 * Makes sure that a TCP port of 127.0.0.1 is free; 0 always is.
 * @throws PORT_IN_USE naming the port and the flag that changes it; also for a port that this user may not take
 */
export async function checkPort(port: number, flag: string): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port, exclusive: true }, resolve);
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const what = code === 'EADDRINUSE' ? 'is in use by another program' : `can't be listened on (${String(code)})`;
    throw fail(
      'PORT_IN_USE',
      `Port ${port} of 127.0.0.1 ${what}. Free it, or choose another with ${flag} (0 takes any free one).`,
      {
        details: { port, flag },
        cause: error,
      },
    );
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
