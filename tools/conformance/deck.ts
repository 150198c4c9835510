import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isError, realClock } from '@fairlead/core';
import { loadSnapshot, type SnapshotProblem } from '@fairlead/proxy';
import { failed, noted, skipped, type Case } from './suite.ts';

/** What only a declarative configuration of Kong begins with. */
const KONG =
  /^\{?\s*"?(?:_format_version|_info|_transform|_workspace|_konnect|services|routes|consumers|consumer_groups|upstreams|plugins|certificates|ca_certificates|vaults|partials)"?\s*:/m;
/** Those of other programs that have such a key. */
const OTHERS = /^(?:apiVersion|kind|openapi|rules)\s*:/m;

/**
 * Declarative configurations of Kong as they lie in a folder, decK's own tests for example: each loads, or is refused with the
 * line and the reason. None may end in any other way.
 */
export async function deck(path: string): Promise<readonly Case[]> {
  const files = globSync('**/*.{yaml,yml,json}', { cwd: path }).toSorted();
  const cases: Case[] = [];
  for (const file of files) cases.push(await caseOf(path, file));
  return cases;
}

async function caseOf(folder: string, file: string): Promise<Case> {
  const text = await readFile(join(folder, file), 'utf8');
  if (!/^[^#\s]/m.test(text)) return skipped(file, 'holds nothing but comments');
  if (!KONG.test(text) || OTHERS.test(text)) return skipped(file, 'is no configuration of Kong');
  try {
    await loadSnapshot(join(folder, file), { clock: realClock(), origin: file, env: {} });
    return noted(file, 'loads');
  } catch (error) {
    if (!isError(error, 'SNAPSHOT_INVALID')) return failed(file, `ended with ${String(error)}`);
    // `as`: what is refused has its problems.
    const { problems = [] } = error.details as { readonly problems?: readonly SnapshotProblem[] };
    const [first] = problems;
    if (first === undefined) return failed(file, 'is refused without a reason');
    const lost = problems.find(({ line }) => line === undefined);
    if (lost !== undefined) return failed(file, `is refused without a line: ${lost.message}`);
    return noted(file, `is refused: ${reasonOf(first)}`);
  }
}

/** A problem without what is this file's own, to be counted with others. */
function reasonOf({ path, message }: SnapshotProblem): string {
  const place =
    path
      .replaceAll(/\[\d+\]/g, '')
      .split('.')
      .at(-1) ?? '';
  const reason = message.split(/[;:]/)[0] ?? message;
  return `${place}${place === '' ? '' : ' '}${reason.replaceAll(/"[^"]*"/g, '…').replaceAll(/\b[A-Z]+_[A-Z0-9_]+\b/g, '…')}`;
}
