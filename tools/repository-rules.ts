// Rules that no linter knows: lengths, names, index files, ambient time, also in SQL, and what must never be in a tracked file.

import type { Finding } from './finding.ts';
import { readText } from './repository.ts';
import { lineAt, maskSource } from './source-text.ts';

/** Longer files hold more than one noun. */
export const MAX_LINES = 400;

const FORBIDDEN_NAMES = /^(?:.*-)?(?:utils?|helpers?|managers?|common|misc)$/;
/** Where time and randomness are real: their implementations, tests, tools, benches, launchers and process entries. */
const REAL_WORLD =
  /^(?:packages\/core\/src\/real-[\w-]+\.ts|test\/.*|tools\/.*|bench\/.*|.*\.test\.ts|(?:.*\/)?(?:bin|fixtures)\/.*|(?:.*\/)?main\.ts)$/;
const TEXT =
  /(?:\.(?:[cm]?[jt]sx?|json|jsonc|md|ya?ml|sql|sh|html|css|txt|toml)|(?:^|\/)(?:\.npmrc|\.gitignore|run|LICENSE))$/;
/** Where the server's own clock is read, for everybody. */
const SQL_CLOCK = 'packages/store/sql/bootstrap.sql';
/** What a simulation could not decide: the server's clock and its random source. */
const SQL_AMBIENT =
  /(?<![\w.$])(?:(?:now|random|random_normal|timeofday|gen_random_uuid|gen_random_bytes|uuidv4|uuidv7|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b(?!\s*:))/gi;
/** Megabytes of each process, whether it needs them or not; packages take them of core's `onDemand`. */
const DEAR_IMPORT = /^import (?!type )[^;]*from 'node:(https?|http2|tls)';$/gm;
/** Homes and mounts of one machine. */
const MACHINE_PATH = /(?<![\w.$}/-])\/(?:home|Users|root|work|workspace|mnt|private\/var)\/[\w.-]+/;
/** Hosts that packages are fetched from: the reader's own configuration decides those. */
const PACKAGE_HOST =
  /\b(?:[\w-]+\.)*(?:registry|repo1?|artifactory|nexus|mirrors?|npm)\.(?:[\w-]+\.)*(?:com|org|net|io|dev|internal|local)\b/;

/**
 * Everything in `files` that breaks a rule of the repository.
 */
export function checkRepositoryRules(root: string, files: readonly string[]): Finding[] {
  return files.flatMap((file) => {
    const text = TEXT.test(file) ? readText(root, file) : '';
    return [...nameRule(file), ...placeRule(file, text), ...codeRules(file, text), ...sqlRule(file, text)];
  });
}

function codeRules(file: string, text: string): Finding[] {
  if (!/\.[cm]?[jt]sx?$/.test(file)) return [];
  const masked = maskSource(text);
  return [
    ...lengthRule(file, text),
    ...indexRule(file, masked),
    ...ambientRule(file, masked),
    ...importRule(file, text),
  ];
}

function lengthRule(file: string, text: string): Finding[] {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return lines > MAX_LINES
    ? [{ file, line: 0, message: `${lines} lines; split it by noun (at most ${MAX_LINES})` }]
    : [];
}

function nameRule(file: string): Finding[] {
  const parts = file.split('/').map((part) => part.replace(/\..*$/, ''));
  const bad = parts.find((part) => FORBIDDEN_NAMES.test(part));
  return bad === undefined
    ? []
    : [{ file, line: 0, message: `"${bad}" says nothing; name it after the noun it holds` }];
}

function indexRule(file: string, masked: string): Finding[] {
  if (!/^packages\/.*\/index\.ts$/.test(file)) return [];
  const rest = masked.replace(/\bexport\s+(?:type\s+)?\{[^}]*\}\s*from\s*(['"]) *\1;?/g, (match) =>
    match.replace(/[^\n]/g, ' '),
  );
  const offset = rest.search(/\S/);
  return offset === -1
    ? []
    : [
        {
          file,
          line: lineAt(rest, offset),
          message: 'an index holds explicit named exports from its siblings and nothing else',
        },
      ];
}

function importRule(file: string, text: string): Finding[] {
  if (!/^packages\/[^/]+\/src\//.test(file) || /\.(?:test|fixture)\.ts$/.test(file)) return [];
  return [...text.matchAll(DEAR_IMPORT)].map(({ index, 1: name = '' }) => ({
    file,
    line: lineAt(text, index),
    message: `an import of node:${name} costs each process megabytes; take onDemand.${name} of @fairlead/core`,
  }));
}

function ambientRule(file: string, masked: string): Finding[] {
  if (REAL_WORLD.test(file)) return [];
  return [
    ...masked.matchAll(/\bnew\s+Date\s*\(\s*\)|\bnew\s+Date\b(?!\s*[(\w])|(?<![\w.]|new\s{1,4})\bDate\s*\(\s*\)/g),
  ].map((match) => ({
    file,
    line: lineAt(masked, match.index),
    message: 'new Date() reads the machine clock; build it from ctx.clock.now()',
  }));
}

/** SQL in files of its own, and in the strings and templates of code. */
function sqlRule(file: string, text: string): Finding[] {
  if (REAL_WORLD.test(file) || file === SQL_CLOCK) return [];
  const isSql = file.endsWith('.sql');
  if (!isSql && !/\.[cm]?ts$/.test(file)) return [];
  const said = isSql
    ? text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    : maskSource(text, 'comments');
  const code = isSql ? '' : maskSource(text);
  return [...said.matchAll(SQL_AMBIENT)]
    .filter(({ index }) => isSql || /\s/.test(code[index] ?? ' '))
    .map(({ 0: word, index }) => ({
      file,
      line: lineAt(text, index),
      message: `${word.replace(/\s*\($/, '()')} is time or chance of the server's own; SQL takes time from fairlead.now(), ids and chance from its caller`,
    }));
}

function placeRule(file: string, text: string): Finding[] {
  return text.split('\n').flatMap((line, index) => {
    const findings: Finding[] = [];
    const path = MACHINE_PATH.exec(line)?.[0];
    if (path !== undefined) findings.push({ file, line: index + 1, message: `"${path}" exists on one machine only` });
    const host = PACKAGE_HOST.exec(line)?.[0];
    if (host !== undefined) {
      findings.push({
        file,
        line: index + 1,
        message: `"${host}": where packages come from is the reader's setting, not ours`,
      });
    }
    return findings;
  });
}
