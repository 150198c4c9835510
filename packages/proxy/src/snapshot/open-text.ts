import { isTelling } from '../match/telling-name.ts';

/**
 * Whether a text at this path is said to be no secret.
 * @param open paths with dots between their steps: `*` is any member or item; `**` everything below, but for what is under a name that
 * tells of a secret, such as `authorization`
 */
export function isOpenText(path: readonly string[], open: readonly string[]): boolean {
  return open.some((pattern) => fits(path, pattern.split('.')));
}

function fits(path: readonly string[], pattern: readonly string[]): boolean {
  for (const [at, step] of pattern.entries()) {
    if (step === '**') return path.slice(at).every((name) => !isTelling(name));
    if (at >= path.length || (step !== '*' && step !== path[at])) return false;
  }
  return path.length === pattern.length;
}
