#!/usr/bin/env node
// Plain JavaScript for any Node from 20 on: finds a Node that can run Fairlead, then runs the command.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

const NEEDED = 24;
const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const source = join(here, '..', 'src', 'main.ts');

/** The Node of the npm package `node`, upwards from here or from where the command was given. */
function bundledNode() {
  for (const start of [here, process.cwd()]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const file = join(folder, 'node_modules', 'node', 'bin', 'node');
      if (existsSync(file)) return file;
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}

/**
 * For how long a gateway is taken to start. What runs then runs once: code that V8 would compile and room that it would give to the young
 * never go back, and are 25 MB of a gateway that has nothing to do.
 */
const STARTING_MS = 2_000;

function startSmall() {
  v8.setFlagsFromString('--no-opt');
  v8.setFlagsFromString('--no-maglev');
  v8.setFlagsFromString('--semi-space-growth-factor=1');
  setTimeout(() => {
    v8.setFlagsFromString('--opt');
    v8.setFlagsFromString('--maglev');
    v8.setFlagsFromString('--semi-space-growth-factor=2');
  }, STARTING_MS).unref();
}

async function runHere() {
  const [group, command] = process.argv.slice(2);
  const isGateway = group === 'gateway' && command === 'run';
  if (isGateway) startSmall();
  module.enableCompileCache?.();
  if (existsSync(source)) {
    // A checkout: packages are found as TypeScript, which Node strips.
    module.registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, '@fairlead/source'] }),
    });
    await import(new URL('../src/main.ts', import.meta.url).href);
  } else {
    await import(new URL(isGateway ? '../dist/gateway/run.js' : '../dist/main.js', import.meta.url).href);
  }
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, FAIRLEAD_RELAUNCHED: '1' },
  });
  // A terminal tells both of us of Ctrl-C; everything else has to be passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`fairlead: ${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code) => process.exit(code ?? 1));
}

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  await runHere();
} else {
  const node = process.env.FAIRLEAD_RELAUNCHED === undefined ? bundledNode() : undefined;
  if (node === undefined) {
    process.stderr.write(
      `fairlead needs Node ${NEEDED} or newer; this is ${process.version}. Install it, or add it to the project: npm install --save-dev node@${NEEDED}\n`,
    );
    process.exit(1);
  }
  runWith(node);
}
