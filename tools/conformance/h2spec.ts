import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewayAtTest } from './gateway-at-test.ts';
import { failed, passed, skipped, type Case } from './suite.ts';

/** The program h2spec against a listener with `http2: true`, without TLS. `path` is the program, or its folder. */
export async function h2spec(path: string): Promise<readonly Case[]> {
  const program = (await stat(path)).isDirectory() ? join(path, 'h2spec') : path;
  const origin = createServer((incoming, response) => {
    incoming.resume().on('end', () => response.end('ok'));
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  // `as`: a TCP server's address is an object once it listens.
  const { port } = origin.address() as AddressInfo;
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-h2spec-'));
  try {
    await using gateway = await gatewayAtTest({
      routes: [{ name: 'all', to: 'origin' }],
      clusters: { origin: { endpoints: [`http://127.0.0.1:${port}`] } },
    });
    const report = join(folder, 'report.xml');
    const child = spawn(program, ['-h', '127.0.0.1', '-p', String(gateway.port), '-o', '2', '-j', report], {
      stdio: 'ignore',
    });
    await once(child, 'exit');
    return junitCases(await readFile(report, 'utf8'));
  } finally {
    origin.closeAllConnections();
    origin.close();
    await rm(folder, { recursive: true });
  }
}

/** The cases of a report in JUnit's form. */
export function junitCases(xml: string): readonly Case[] {
  return [...xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g)].map(
    ([, section = '', title = '', inside = '']) => {
      const name = `${section} ${unescaped(title)}`;
      const failure = /<(?:failure|error)[^>]*>([^]*?)<\/(?:failure|error)>/.exec(inside)?.[1];
      if (failure !== undefined) return failed(name, unescaped(failure).replaceAll(/\s+/g, ' ').trim());
      return inside.includes('<skipped') ? skipped(name, 'the program skips it') : passed(name);
    },
  );
}

function unescaped(text: string): string {
  return text
    .replaceAll(/&#(x?[\dA-Fa-f]+);/g, (_whole, code: string) =>
      String.fromCodePoint(code.startsWith('x') ? Number.parseInt(code.slice(1), 16) : Number(code)),
    )
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
