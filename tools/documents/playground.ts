// Documents done as they say: `code-block.ts` reads their blocks, `shell.ts` runs them.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeBlocks, misfit, type CodeBlock } from './code-block.ts';
import { Shell } from './shell.ts';
import { ROOT } from '../repository.ts';

/** What of the repository a reader finds around what the document tells them to write. */
const SURROUNDINGS = ['node_modules', 'packages', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** Languages of blocks that are not code. */
const PROSE = ['text', 'console', 'json', 'mermaid', ''];

/** Where documents are followed, each in a folder of its own, and what they tell to write is compiled together. */
export class Playground {
  readonly #root = mkdtempSync(join(tmpdir(), 'fairlead-documents-'));
  /** TypeScript, relative to the root. */
  readonly #written: string[] = [];

  /**
   * Follows a document literally: blocks with a title are written to the file of that name, `sh` blocks are run (`sh
   * background`: started, and waited for until the platform is ready), a `text` block after one is what it must print.
   * Only ports differ: the platform gets free ones instead of 8080 and 8081.
   * @throws naming document and line, when something is not as it says
   */
  async play(path: string): Promise<void> {
    const name = path.replaceAll('/', '-');
    const folder = join(this.#root, name);
    mkdirSync(folder);
    for (const each of SURROUNDINGS) symlinkSync(join(ROOT, each), join(folder, each));
    // What a document may add to.
    for (const each of ['examples', 'test']) cpSync(join(ROOT, each), join(folder, each), { recursive: true });
    // What the run of this test itself was told is not for the reader's commands.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(FAIRLEAD_|VITEST|NODE_ENV$)/.test(name));
    const env = {
      ...Object.fromEntries(inherited),
      NODE_OPTIONS: '--conditions=@fairlead/source',
      PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH']}`,
      NO_COLOR: '1',
      npm_config_loglevel: 'error',
    };
    await using shell = new Shell(folder, env);
    for (const file of await follow(path, folder, shell)) this.#written.push(join(name, file));
  }

  /**
   * Compiles all that was written. Together, because what it imports is compiled with it.
   * @throws with what the compiler says; folders are named as documents are
   */
  compile(): void {
    const config = join(this.#root, 'tsconfig.json');
    const compilerOptions = { typeRoots: [join(ROOT, 'node_modules/@types')] };
    const include = this.#written;
    writeFileSync(
      config,
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include, exclude: [] }),
    );
    if (include.length === 0) return;
    const { status, stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', config], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`What documents tell to write does not compile:\n${stdout}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Resolves to the names of the TypeScript files that were written. */
async function follow(path: string, folder: string, shell: Shell): Promise<ReadonlySet<string>> {
  let printed: { readonly block: CodeBlock; readonly out: string } | undefined;
  let gateway: string | undefined;
  const written = new Set<string>();
  for (const block of codeBlocks(readFileSync(join(ROOT, path), 'utf8'))) {
    const place = `${path}:${block.line}`;
    if (block.title !== undefined) {
      const file = join(folder, block.title);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, block.text);
      if (block.language === 'ts') written.add(block.title);
    } else if (block.language === 'sh' && block.words.includes('background')) {
      await shell.start(block.text.replace('fairlead up', 'fairlead up --gateway-port 0 --admin-port 0'));
      gateway = await readyGateway(shell, place);
    } else if (block.language === 'sh') {
      const script = gateway === undefined ? block.text : block.text.replaceAll('http://127.0.0.1:8080', gateway);
      const { out, code } = await shell.run(script);
      if (code !== 0) throw new Error(`${place}: exit code ${code} of\n${block.text}\n${out}`);
      printed = { block, out };
    } else if (block.language === 'text' && printed !== undefined) {
      const line = misfit(block.text, printed.out);
      if (line !== undefined) throw new Error(`${place}: expected "${line}"; it printed\n${printed.out}`);
    } else if (!PROSE.includes(block.language)) {
      throw new Error(`${place}: nothing is done with this ${block.language} block; give it a title="file".`);
    }
    if (block.language !== 'sh') printed = undefined;
  }
  return written;
}

async function readyGateway(shell: Shell, place: string): Promise<string> {
  interface Status {
    readonly gateway: string | null;
    readonly services: readonly { readonly state: string }[];
  }
  let last = '';
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const { out } = await shell.run('fairlead status --json');
    last = out;
    // The documented form of `status --json`, or a complaint.
    const status = out.startsWith('{') ? (JSON.parse(out) as Status) : undefined;
    if (status?.gateway && status.services.every(({ state }) => state === 'ready')) return status.gateway;
    await sleep(200);
  }
  throw new Error(`${place}: the platform was not ready within a minute: ${last}`);
}
