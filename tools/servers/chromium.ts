import { converse, line, portOf } from './conversation.ts';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * A browser without a window, driven by the DevTools protocol at its URL. Names that end in `.test` lead to this machine. Run by root it has
 * no sandbox: it is for pages of ours only.
 */
export const chromium: ServerKind = {
  name: 'chromium',
  packages: ['chromium'],
  elsewhere: 'brew install --cask chromium',
  installed: () => program() !== undefined,
  async prepare({ dataDir, freePort }) {
    const port = await freePort();
    const args = [
      '--headless=new',
      `--remote-debugging-port=${port}`,
      `--user-data-dir=${dataDir}`,
      '--host-resolver-rules=MAP *.test 127.0.0.1',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      'about:blank',
    ];
    const file = program() ?? requireProgram('chromium');
    return { url: `http://127.0.0.1:${port}`, commands: [{ file, args, env: { HOME: dataDir } }] };
  },
  greet: (url, timeoutMs) =>
    converse({
      port: portOf(url),
      say: `GET /json/version HTTP/1.1\r\nhost: 127.0.0.1:${portOf(url)}\r\nconnection: close\r\n\r\n`,
      understand: line(/"Browser": "[^"]+"/),
      timeoutMs,
    }),
};

function program(): string | undefined {
  return NAMES.map((name) => findProgram(name)).find((file) => file !== undefined);
}
