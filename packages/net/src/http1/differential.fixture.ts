import { FairleadError } from '@fairlead/core';
import type { Seen } from './llhttp.fixture.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseReader } from './response-reader.ts';

/** The requests that we take as whole, up to one that ends the connection, and the bytes that they are. */
export function ourRequests(bytes: Buffer): { readonly seen: Seen[]; readonly byteLength: number } {
  const reader = new RequestReader();
  return ours(reader, bytes, false, () => ({
    start: `${reader.head?.method} ${reader.head?.target}`,
    isLast: reader.head?.keepsAlive !== true || reader.head.offersUpgrade,
  }));
}

/** The answer to `method` that we take as whole. */
export function ourResponse(bytes: Buffer, method: string): Seen | undefined {
  const reader = new ResponseReader();
  reader.expect(method);
  return ours(reader, bytes, true, () => ({ start: String(reader.head?.status), isLast: true })).seen[0];
}

function ours(
  reader: RequestReader | ResponseReader,
  bytes: Buffer,
  ends: boolean,
  about: () => { readonly start: string; readonly isLast: boolean },
): { readonly seen: Seen[]; readonly byteLength: number } {
  const seen: Seen[] = [];
  let byteLength = 0;
  let body = '';
  try {
    reader.add(bytes);
    for (;;) {
      let step = reader.read();
      if (step === 'more' && ends) step = reader.finish();
      if (step === 'more') return { seen, byteLength };
      if (step === 'head') body = '';
      if (step === 'data') body += reader.data.toString('latin1');
      if (step !== 'end') continue;
      const { start, isLast } = about();
      seen.push({ start, fields: reader.head?.fields.list ?? [], body, trailers: reader.trailers.list });
      byteLength = bytes.length - reader.heldBytes;
      if (isLast) return { seen, byteLength };
    }
  } catch (error) {
    if (error instanceof FairleadError) return { seen, byteLength };
    throw error;
  }
}
