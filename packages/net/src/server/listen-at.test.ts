import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { listenAt } from './listen-at.ts';

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'fairlead-listen-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

function server(): Server {
  const made = createServer((socket) => {
    // Whoever only looks whether somebody is here hears nothing of it.
    socket.on('error', () => {});
    socket.end('here');
  });
  onTestFinished(() => void made.close());
  return made;
}

async function heardAt(path: string): Promise<string> {
  const socket = connect(path);
  let heard = '';
  socket.on('data', (part: Buffer) => (heard += part.toString()));
  await once(socket, 'close');
  return heard;
}

/** A socket that a process listened at when it was killed. */
async function leftBehind(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script]), 'close');
  expect((await stat(path)).isSocket()).toBe(true);
}

test('a socket that a killed process has left behind is replaced', async () => {
  const path = join(await folder(), 'a.sock');
  await leftBehind(path);
  expect(await listenAt(server(), { path }, 'http')).toBe(`unix:${path}`);
  expect(await heardAt(path)).toBe('here');
});

test('a socket that somebody answers at is not, and neither is a file', async () => {
  const path = join(await folder(), 'a.sock');
  await listenAt(server(), { path }, 'http');
  await expect(listenAt(server(), { path }, 'http')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('another process listens there'),
  });
  expect(await heardAt(path)).toBe('here');
  const file = join(await folder(), 'b.sock');
  await writeFile(file, 'mine');
  await expect(listenAt(server(), { path: file }, 'http')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect((await stat(file)).isFile()).toBe(true);
});

test.each([0o600, 0o660, 0o666])('who may connect to a socket is what is said: %s', async (mode) => {
  const path = join(await folder(), 'a.sock');
  await listenAt(server(), { path, mode }, 'http');
  expect((await stat(path)).mode & 0o777).toBe(mode);
});

test('why it can not be listened at is said with what to do', async () => {
  const missing = join(await folder(), 'no', 'a.sock');
  const messages = await Promise.all(
    [{ path: missing }, { path: `/tmp/${'a'.repeat(120)}` }, { host: '192.0.2.1', port: 0 }].map((listen) =>
      listenAt(server(), listen, 'http').catch((error: Error) => error.message),
    ),
  );
  expect(messages).toEqual([
    `Can't listen at ${missing}: Its folder is missing, or this user may not write there. Make it, or listen elsewhere.`,
    expect.stringContaining('The path is too long for a socket'),
    expect.stringContaining('This machine has no such address'),
  ]);
});
