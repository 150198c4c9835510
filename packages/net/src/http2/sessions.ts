import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { onDemand } from '@fairlead/core';
import { StreamSocket, type SessionPeer } from './stream-socket.ts';
import { streamRequest, type StreamRequest } from './stream-request.ts';

/** What a client of HTTP/2 is given at most. */
export interface SessionLimits {
  /** Largest head of a request, in bytes. */
  readonly maxHeadBytes: number;
  /** How long a session may be without streams, in milliseconds. 0 means for ever. */
  readonly idleTimeoutMs: number;
}

/** Sessions of HTTP/2 over connections that are open. */
export interface Sessions {
  /** Begins a session; each of its streams is handed on as a connection with one request. */
  begin(socket: Socket, peer: SessionPeer): void;
  /** Tells clients to begin no more streams; sessions end when theirs have. */
  drain(): void;
  /** Ends them at once. */
  destroy(): void;
  readonly size: number;
}

/** As Envoy's guide for edges has them. */
const MOST_STREAMS = 100;
const STREAM_WINDOW_BYTES = 64 * 1024;
const SESSION_WINDOW_BYTES = 1024 * 1024;
/** Resets that a client may make at once, and each second: beyond, it is taken for an attack (CVE-2023-44487) and told to go. */
const RESET_BURST = 200;
const RESETS_A_SECOND = 33;
/**
 * Resets after which a session is told to begin anew elsewhere, whatever their rate. Node counts what a stream had not sent yet
 * as memory of the session for ever, and at 10 MB refuses all that begins.
 */
const MOST_RESETS = 150;
const MOST_MEMORY_MB = 32;

/** Serves HTTP/2 (RFC 9113) by Node's own module; `onStream` gets each request as a connection of HTTP/1.1. */
export function http2Sessions(limits: SessionLimits, onStream: (socket: StreamSocket) => void): Sessions {
  const { constants, performServerHandshake } = onDemand.http2;
  const sessions = new Set<ServerHttp2Session>();

  function streamed(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, peer: SessionPeer): void {
    let request: StreamRequest;
    try {
      request = streamRequest(headers, (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0);
    } catch {
      stream.on('error', () => undefined);
      stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    onStream(new StreamSocket(stream, request, peer));
  }

  return {
    get size() {
      return sessions.size;
    },
    begin(socket, peer) {
      const session = performServerHandshake(socket, {
        maxHeaderListPairs: 128,
        maxSessionInvalidFrames: 100,
        maxSessionMemory: MOST_MEMORY_MB,
        streamResetBurst: RESET_BURST,
        streamResetRate: RESETS_A_SECOND,
        settings: {
          maxConcurrentStreams: MOST_STREAMS,
          initialWindowSize: STREAM_WINDOW_BYTES,
          maxHeaderListSize: limits.maxHeadBytes,
          enablePush: false,
        },
      });
      session.setLocalWindowSize(SESSION_WINDOW_BYTES);
      sessions.add(session);
      let resets = 0;
      session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number) => {
        stream.once('close', () => {
          if (stream.rstCode === constants.NGHTTP2_NO_ERROR) return;
          resets += 1;
          if (resets === MOST_RESETS) session.close();
        });
        streamed(stream, headers, flags, peer);
      });
      // A session that breaks is over; its streams tell who waits for them.
      session.on('error', () => undefined);
      session.on('close', () => sessions.delete(session));
      if (limits.idleTimeoutMs > 0) session.setTimeout(limits.idleTimeoutMs, () => session.close());
    },
    drain() {
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
    },
  };
}
