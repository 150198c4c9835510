import { connect } from 'node:net';

/** What is sent to a server, and when its answer is complete. */
export interface Conversation {
  readonly host?: string;
  readonly port: number;
  /** Sent as soon as the connection stands; empty to listen only. */
  readonly say: Uint8Array | string;
  /** Given everything received so far: what it means, or `undefined` to wait for more. Throws when it is wrong. */
  understand(received: Buffer): string | undefined;
  readonly timeoutMs: number;
}

/**
 * One question and its answer over TCP. Rejects when the connection fails or ends early, when the answer is wrong and
 * when it takes longer than `timeoutMs`; the socket is gone in every case.
 */
export function converse(conversation: Conversation): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const host = conversation.host ?? '127.0.0.1';
  const socket = connect({ host, port: conversation.port });
  let received = Buffer.alloc(0);
  socket.setTimeout(conversation.timeoutMs, () => reject(new Error(`${host}:${conversation.port} did not answer`)));
  socket.on('connect', () => {
    if (conversation.say.length > 0) socket.write(conversation.say);
  });
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    try {
      const meaning = conversation.understand(received);
      if (meaning !== undefined) resolve(meaning);
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${host}:${conversation.port} closed the connection`)));
  return promise.finally(() => socket.destroy());
}

/** The port of a server's URL. */
export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** `understand` for a server whose answer is a line that matches. */
export function line(pattern: RegExp): (received: Buffer) => string | undefined {
  return (received) => {
    const text = received.toString('latin1');
    const match = pattern.exec(text);
    if (match !== null) return match[0].trim();
    if (text.length > 64 * 1024) throw new Error(`unexpected answer: ${JSON.stringify(text.slice(0, 80))}`);
    return undefined;
  };
}
