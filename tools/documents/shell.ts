import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What a script printed (both streams, as a terminal shows them) and how its last command ended. */
export interface Printed {
  readonly out: string;
  readonly code: number;
}

const END = '@@end-of-block@@';

/** One bash for a whole document, so that `cd` and variables last from block to block as they do for a reader. */
export class Shell implements AsyncDisposable {
  readonly #bash: ChildProcess;
  readonly #env: NodeJS.ProcessEnv;
  readonly #background: ChildProcess[] = [];

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#bash = spawn('bash', { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
  }

  async run(script: string): Promise<Printed> {
    const { stdin, stdout } = this.#bash;
    if (stdin === null || stdout === null) throw new Error('The shell has no pipes.');
    let out = '';
    const end = new RegExp(`\\n?${END} (\\d+)\\n$`);
    const done = new Promise<Printed>((resolve, reject) => {
      const gone = () => reject(new Error(`The shell ended in: ${script}\n${out}`));
      const hear = (chunk: Buffer) => {
        out += chunk.toString('utf8');
        const code = end.exec(out)?.[1];
        if (code === undefined) return;
        stdout.off('data', hear);
        this.#bash.off('exit', gone);
        resolve({ out: out.replace(end, '\n').trimStart(), code: Number(code) });
      };
      stdout.on('data', hear);
      this.#bash.once('exit', gone);
    });
    stdin.write(`{ ${script.trimEnd()}\n} 2>&1 </dev/null; printf '\\n${END} %d\\n' $?\n`);
    return done;
  }

  /** Starts what stays: in another terminal, as it were, in the same folder. It ends with the shell. */
  async start(script: string): Promise<void> {
    const { out } = await this.run('pwd');
    const child = spawn('bash', ['-c', `exec ${script.trim()}`], {
      cwd: out.trim(),
      env: this.#env,
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    this.#background.push(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#background.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      process.kill(-child.pid, 'SIGINT');
      await once(child, 'exit');
    }
    this.#bash.stdin?.end();
    if (this.#bash.exitCode === null) await once(this.#bash, 'exit');
  }
}
