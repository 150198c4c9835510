import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const PRIMARY = fileURLToPath(new URL('../../fixtures/primary.ts', import.meta.url));

interface Told {
  readonly type: string;
  readonly url: string;
  readonly pids: readonly number[];
}

async function running(): Promise<{ readonly child: ChildProcess; readonly told: (type: string) => Promise<Told> }> {
  const service = createServer((_request, response) => void response.end('ok'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  onTestFinished(() => void service.close());
  const { port } = service.address() as AddressInfo;
  const child = fork(PRIMARY, {
    env: { ...process.env, UPSTREAM: `http://127.0.0.1:${port}` },
    execArgv: ['--conditions=@fairlead/source'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const told = (type: string): Promise<Told> =>
    new Promise((resolve) => {
      const heard = (message: unknown): void => {
        if ((message as Told).type !== type) return;
        child.off('message', heard);
        resolve(message as Told);
      };
      child.on('message', heard);
    });
  return { child, told };
}

function get(url: string, agent: Agent | false): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent }, (answer: IncomingMessage) => {
      let text = '';
      answer.on('data', (chunk) => (text += String(chunk)));
      answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
      answer.on('error', reject);
    });
    outgoing.on('error', reject).end();
  });
}

/** Processes start when the machine has time for them. */
const PATIENT = { timeout: 60_000 };

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('all processes are replaced under load, and no request fails', async () => {
  const { child, told } = await running();
  const first = await told('ready');
  let isLoading = true;
  let answers = 0;
  const kept = new Agent({ keepAlive: true, maxSockets: 4 });
  onTestFinished(() => kept.destroy());
  const load = Array.from({ length: 8 }, async (_, at) => {
    while (isLoading) {
      expect(await get(first.url, at < 4 ? kept : false)).toBe('200 ok');
      answers += 1;
    }
  });
  const before = answers;
  for (let round = 0; round < 2; round += 1) {
    const restarted = told('restarted');
    child.send('restart');
    const { pids } = await restarted;
    expect(pids).toHaveLength(2);
    expect(pids.some((pid) => first.pids.includes(pid))).toBe(false);
  }
  isLoading = false;
  await Promise.all(load);
  expect(answers).toBeGreaterThan(before);
  const closed = told('closed');
  child.send('close');
  await closed;
});

test('one that dies is replaced, and the other one serves meanwhile', async () => {
  const { child, told } = await running();
  const { url, pids } = await told('ready');
  const [victim = 0] = pids;
  process.kill(victim, 'SIGKILL');
  await expect.poll(() => isAlive(victim), PATIENT).toBe(false);
  expect(await get(url, false)).toBe('200 ok');
  await expect
    .poll(async () => {
      const now = told('pids');
      child.send('pids');
      return (await now).pids.filter((pid) => pid !== victim).length;
    }, PATIENT)
    .toBe(2);
  const closed = told('closed');
  child.send('close');
  await closed;
});
