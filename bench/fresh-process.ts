import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench, Subject } from './bench.ts';
import type { Measurement } from './harness.ts';

const TIMEOUT_MS = 120_000;

/**
 * Runs a subject's program to its end and reads the measurement from its last line.
 * @throws Error with what the program said when it fails, takes too long or prints something else
 */
export async function measureInFreshProcess(subject: Subject, bench: Bench): Promise<Measurement> {
  const file = fileURLToPath(new URL(subject.file, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@fairlead/source', file, ...(subject.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: bench.timeoutMs ?? TIMEOUT_MS,
    killSignal: 'SIGTERM',
  });
  const [out, said, ended] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(signal ?? String(code)));
    }),
  ]);
  if (ended !== '0') throw new Error(`${bench.name}: ${subject.name} ended with ${ended}\n${said || out}`);
  return parseMeasurement(out, `${bench.name}: ${subject.name}`);
}

function parseMeasurement(out: string, what: string): Measurement {
  const line = out.trimEnd().split('\n').at(-1) ?? '';
  try {
    const parsed: unknown = JSON.parse(line);
    if (isMeasurement(parsed)) return parsed;
  } catch {
    // Said below, with the line itself.
  }
  throw new Error(`${what} ended with ${JSON.stringify(line)} instead of { "<row>": number }`);
}

function isMeasurement(value: unknown): value is Measurement {
  return typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'number');
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
