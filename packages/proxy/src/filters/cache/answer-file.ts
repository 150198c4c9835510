import { crc32 } from 'node:zlib';
import type { AnswerRecord } from './stored-answer.ts';

/**
 * How an answer lies in a file: its body, then its head as JSON, then this footer. A file is whole when its last octets say so: a
 * process that is killed while it writes leaves one that nobody takes for an answer.
 */
export const FOOTER_BYTES = 22;

const MAGIC = 0x46_4c_43_31;

/** What a footer says. */
export interface AnswerFooter {
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly bodySum: number;
  readonly headSum: number;
}

/** The head and footer that follow a body. */
export function answerTail(record: AnswerRecord, bodyBytes: number, bodySum: number): Buffer {
  const head = Buffer.from(JSON.stringify(record), 'utf8');
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.writeUInt32BE(MAGIC, 0);
  footer.writeUInt32BE(head.length, 4);
  footer.writeUIntBE(bodyBytes, 8, 6);
  footer.writeUInt32BE(bodySum, 14);
  footer.writeUInt32BE(crc32(head), 18);
  return Buffer.concat([head, footer]);
}

/** The footer in a file's last octets; `undefined` when the file, of this length, is none of ours or not whole. */
export function readFooter(footer: Buffer, fileBytes: number): AnswerFooter | undefined {
  if (footer.length !== FOOTER_BYTES || footer.readUInt32BE(0) !== MAGIC) return undefined;
  const headBytes = footer.readUInt32BE(4);
  const bodyBytes = footer.readUIntBE(8, 6);
  if (bodyBytes + headBytes + FOOTER_BYTES !== fileBytes) return undefined;
  return { headBytes, bodyBytes, bodySum: footer.readUInt32BE(14), headSum: footer.readUInt32BE(18) };
}

/** The head; `undefined` when it isn't what was written. */
export function readHead(head: Buffer, { headSum }: AnswerFooter): AnswerRecord | undefined {
  if (crc32(head) !== headSum) return undefined;
  // `as`: the sum says that these are the octets that `answerTail` has made of a record.
  return JSON.parse(head.toString('utf8')) as AnswerRecord;
}
