import type { ImportNote, ImportReport } from '@fairlead/proxy';
import { counted } from './table.ts';

/** What of another gateway's configuration is otherwise here, a line each. */
export function importNoteLines({ of, notes }: ImportReport, origin: string): readonly string[] {
  if (notes.length === 0) return [`${origin} is a configuration of ${of}, and works as there.`];
  return [
    `${origin} is a configuration of ${of}; ${counted(notes.length, 'thing')} ${notes.length === 1 ? 'is' : 'are'} otherwise here:`,
    ...notes.map((note) => noteLine(note, origin)),
  ];
}

/** `kong.yaml:12: plugin cors: answers preflights with 204.` */
function noteLine({ file, line, what, note }: ImportNote, origin: string): string {
  return `  ${file ?? origin}:${line}: ${what}: ${note}.`;
}
