import { Document, isMap, isSeq, type Node } from 'yaml';
import type { Imported } from './imported.ts';

/** Columns of a comment. */
const WIDTH = 110;

/** A configuration as YAML: above it what is otherwise than there, and at each part where it comes from. */
export function writtenText({ of, written, notes, locate }: Imported, origin: string): string {
  const document = new Document(written);
  const head = [
    `Imported from ${origin}, a configuration of ${of}.`,
    ...(notes.length === 0 ? ['Everything works as there.'] : ['What is otherwise here, by line there:']),
    ...notes.map(
      ({ file, line, what, note }) => `- ${file === undefined ? '' : `${file}, `}line ${line}, ${what}: ${note}.`,
    ),
  ];
  document.commentBefore = head.flatMap((text) => folded(text)).join('\n');
  const from = (node: unknown, place: readonly (string | number)[]): void => {
    const at = locate(place);
    // `as`: the parts of a document are nodes, which have comments.
    if (at !== undefined && (isMap(node) || isSeq(node))) (node as Node).commentBefore = ` line ${at.line}`;
  };
  for (const [index] of written.routes.entries()) from(document.getIn(['routes', index]), ['routes', index]);
  for (const name of Object.keys(written.clusters)) from(document.getIn(['clusters', name]), ['clusters', name]);
  return document.toString({ lineWidth: 0 });
}

function folded(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > WIDTH) {
      lines.push(` ${line}`);
      line = ` ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, ` ${line}`];
}
