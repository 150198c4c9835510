import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'packages', 'cli', 'bin', 'fairlead.js');
/** Beside the fixtures, so that a blueprint finds them and the packages. */
const fixtures = join(import.meta.dirname, 'fixtures');

/** What a command said; `err` is the sentence of the problem document where there is one. */
export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A folder with one blueprint and a data directory, for the length of a test. */
export interface Yard extends AsyncDisposable {
  readonly dataDir: string;
  /** Runs `fairlead <args>` to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Said>;
  /** `fairlead up --json` on free ports. */
  up(options?: RunOptions): Promise<Said>;
}

/** How a command is run. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the command, such as `setpriv` with its flags. */
  readonly under?: readonly string[];
  /** More flags for `up`. */
  readonly flags?: readonly string[];
  /** Told the process. */
  readonly onStart?: (pid: number) => void;
  /** Asks the command to end (SIGINT). */
  readonly signal?: AbortSignal;
  /** Told each line of standard output; `true` asks the command to end (SIGINT). */
  readonly onLine?: (line: string) => Promise<boolean> | boolean;
}

/** Makes a yard: `blueprint` is the text inside `definePlatform({ … })`; `~/` in it is the folder of the fixtures. */
export async function yard(blueprint: string): Promise<Yard> {
  const folder = await mkdtemp(join(fixtures, 'tmp-'));
  const file = join(folder, 'platform.ts');
  const dataDir = join(folder, 'data');
  const gateway = blueprint.includes('gateway:') ? '' : ', gateway: { routes: [] }';
  const text = `${blueprint.replaceAll('~/', '../')}${gateway}`;
  await writeFile(
    file,
    `import { definePlatform } from '@fairlead/platform';\nexport default definePlatform({ name: 'yard', ${text} });\n`,
  );

  async function run(args: readonly string[], options: RunOptions = {}): Promise<Said> {
    const [program = '', ...rest] = [...(options.under ?? []), process.execPath, launcher, ...args];
    const child = spawn(program, rest, { cwd: root, env: { ...process.env, ...options.env } });
    if (child.pid !== undefined) options.onStart?.(child.pid);
    options.signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
    let out = '';
    let err = '';
    let partial = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
      const lines = (partial + chunk).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        Promise.resolve(options.onLine?.(line) ?? false).then(
          (enough) => void (enough && child.kill('SIGINT')),
          (error: unknown) => {
            err += String(error);
            child.kill('SIGINT');
          },
        );
      }
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err: sentenceOf(err) };
  }

  return {
    dataDir,
    run: (args, options) =>
      run(
        args.map((arg) => (arg === '<platform>' ? file : arg)),
        options,
      ),
    up: (options) =>
      run(
        [
          'up',
          '--json',
          '--platform',
          file,
          '--data-dir',
          dataDir,
          '--gateway-port',
          '0',
          '--admin-port',
          '0',
          ...(options?.flags ?? []),
        ],
        options,
      ),
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** With `--json` a failure is a problem document: its `detail`. Anything else as it is. */
function sentenceOf(err: string): string {
  try {
    const problem: unknown = JSON.parse(err);
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail);
  } catch {
    // Plain text.
  }
  return err;
}

/** As a root who may not read what is others': whoever owns the checkout can run it, wherever it lies. */
export const WITHOUT_OVERRIDE = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'];

/** Somebody else. */
export const STRANGER = 65_534;

/** What a platform that could not start must not leave. */
export async function nothingRuns(at: Yard): Promise<void> {
  const left = await readdir(at.dataDir);
  expect(left).not.toContain('lock');
  expect(left).not.toContain('state.json');
}
