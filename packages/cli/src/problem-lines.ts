import { plain, type Palette } from './colour.ts';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** `$.items[0].sku: is missing`, a line for each issue in a problem's or error's details. */
export function issueLines(issues: unknown): readonly string[] {
  if (!Array.isArray(issues)) return [];
  return issues
    .filter(isObject)
    .map(({ path, message }) => plain(`  ${String(path)}: ${String(message)}`).replaceAll('\n', ' '));
}

/** A problem document as sentences: its code, what happened, where the input does not fit, and when to try again. */
export function problemLines(problem: unknown, colour: Palette): readonly string[] {
  if (!isObject(problem)) return [];
  const { code, title, detail, issues, retryAfterMs } = problem;
  const head = [code, detail ?? title].filter((part) => typeof part === 'string').map((part) => plain(part));
  return [
    head.length < 2 ? (head[0] ?? '') : `${colour.bad(head[0] ?? '')}: ${head[1]}`,
    ...issueLines(issues),
    ...(typeof retryAfterMs === 'number' ? [`It may succeed in ${Math.ceil(retryAfterMs / 100) / 10} s.`] : []),
  ];
}
