import { isError, FairleadError } from '@fairlead/core';
import type { RequestReader } from './request-reader.ts';
import type { ResponseReader } from './response-reader.ts';

/** What a reader made of some bytes: a line a step, the data of a body joined. */
export function stepsOf(reader: RequestReader | ResponseReader, chunks: readonly Buffer[], ends = false): string[] {
  const lines: string[] = [];
  let body: string[] | undefined;
  const flush = () => {
    if (body !== undefined) lines.push(`body ${JSON.stringify(body.join(''))}`);
    body = undefined;
  };
  const drain = () => {
    for (;;) {
      const step = reader.read();
      if (step === 'more') return;
      if (step === 'data') {
        body ??= [];
        body.push(reader.data.toString('latin1'));
        continue;
      }
      flush();
      const { head, trailers } = reader;
      if (step === 'end') lines.push(`end ${trailers.list.join('|')}`);
      else if (head !== undefined && 'method' in head) {
        lines.push(
          `${head.method} ${head.target} 1.${head.minorVersion} host=${head.host} body=${head.bodyBytes} keep=${head.keepsAlive} continue=${head.expectsContinue} ${head.fields.list.join('|')}`,
        );
      } else if (head !== undefined) {
        lines.push(
          `${head.status} 1.${head.minorVersion} body=${head.bodyBytes} keep=${head.keepsAlive} ${head.fields.list.join('|')}`,
        );
      }
    }
  };
  try {
    for (const chunk of chunks) {
      reader.add(chunk);
      drain();
    }
    if (ends && reader.finish() === 'end') {
      flush();
      lines.push('end ');
    }
    flush();
  } catch (error) {
    flush();
    if (!(error instanceof FairleadError) || isError(error, 'INTERNAL')) throw error;
    lines.push(`! ${error.code} ${error.message}`);
  }
  return lines;
}

/** `bytes` in pieces whose lengths go round `lengths`. */
export function pieces(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? 1);
    cut.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return cut;
}
