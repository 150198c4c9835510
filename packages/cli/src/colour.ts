/** Colours by meaning; each leaves text as it is when colours are off. */
export interface Palette {
  good(text: string): string;
  bad(text: string): string;
  waiting(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

/** ANSI colours, or none. */
export function palette(colours: boolean): Palette {
  const wrap =
    (code: number, end = 39) =>
    (text: string) =>
      colours ? `\u001b[${code}m${text}\u001b[${end}m` : text;
  return { good: wrap(32), bad: wrap(31), waiting: wrap(33), faint: wrap(2, 22), strong: wrap(1, 22) };
}

// The escape sequences that `palette` and the table's redraw write.
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b\[[0-9;]*[A-Za-z]/g;

/** Characters that a text takes on a screen, escape sequences not counted. */
export function visibleLength(text: string): number {
  return text.replaceAll(ESCAPES, '').length;
}

/** Takes out what could move the cursor or colour the screen: text of others is only ever text. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(ESCAPES, '').replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

/** A value of others as text of one line; nothing for what is missing. */
export function oneLine(value: unknown): string {
  if (value === undefined || value === null) return '';
  return plain(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('\n', ' ');
}
