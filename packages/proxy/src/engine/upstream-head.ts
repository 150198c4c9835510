import { CHUNKED, type Peer, type RequestHead } from '@fairlead/net';
import { withEdits, withoutEdited, type Edits } from './edited-lines.ts';
import type { RequestPassage } from './request-passage.ts';

const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** What says that a connection is to speak WebSocket, in a request and in its answer. */
export const UPGRADE_LINES = 'connection: upgrade\r\nupgrade: websocket\r\n';

/** Whether a request offers to speak WebSocket; offers of other protocols are passed over. */
export function offersWebSocket(head: RequestHead): boolean {
  return head.offersUpgrade && head.bodyBytes === 0 && head.fields.get('upgrade')?.toLowerCase() === 'websocket';
}

/** The head of the request that goes on, as latin1 text: what was kept, whence it came, what filters say, and framing of our own. */
export function upstreamHead(
  passage: RequestPassage,
  hostLine: string,
  traceLines: string,
  edits: Edits | undefined,
  offersUpgrade: boolean,
): string {
  const { head, peer } = passage.request;
  const { bodyBytes, kept } = head;
  const own = whenceOf(passage, peer, head.host) + traceLines;
  const lines = edits === undefined ? kept + own : withEdits(kept, edits) + withoutEdited(own, edits);
  const framing = framingOf(passage.method, bodyBytes, passage.body, offersUpgrade);
  const trailing = head.takesTrailers || head.announcesTrailers ? trailingLines(passage, offersUpgrade) : '';
  const host = passage.upstreamHost === undefined ? hostLine : `host: ${passage.upstreamHost}\r\n`;
  return `${passage.method} ${passage.upstreamTarget} HTTP/1.1\r\n${host}${lines}${passage.upstreamAdds}${trailing}${framing}`;
}

const TAKES_TRAILERS = 'connection: te\r\nte: trailers\r\n';

/** What is said of trailers: that they are taken, and which are to come after a body that goes in chunks. */
function trailingLines({ request, body }: RequestPassage, offersUpgrade: boolean): string {
  const { head } = request;
  // `Connection` has room for one of the two.
  const taken = head.takesTrailers && !offersUpgrade ? TAKES_TRAILERS : '';
  const isChunked = head.announcesTrailers && head.bodyBytes === CHUNKED && body === undefined;
  return isChunked ? `${taken}trailer: ${head.fields.get('trailer') ?? ''}\r\n` : taken;
}

function framingOf(method: string, bodyBytes: number, body: Buffer | undefined, offersUpgrade: boolean): string {
  if (body !== undefined) return `content-length: ${body.length}\r\n\r\n`;
  if (bodyBytes === CHUNKED) return 'transfer-encoding: chunked\r\n\r\n';
  if (offersUpgrade) return `${UPGRADE_LINES}\r\n`;
  // Methods whose requests have no body say nothing of its length (RFC 9110, section 8.6).
  return bodyBytes === 0 && BODILESS.has(method) ? '\r\n' : `content-length: ${bodyBytes}\r\n\r\n`;
}

/** Whence the requests of a connection come; made once as long as they name one host and one client. */
interface Whence {
  readonly host: string;
  readonly address: string;
  readonly lines: string;
}

function whenceOf(passage: RequestPassage, peer: Peer, host: string): string {
  const { clientAddress } = passage;
  // `as`: nobody else writes notes on connections.
  const known = peer.note as Whence | undefined;
  if (known?.host === host && known.address === clientAddress) return known.lines;
  const address = clientAddress === '' ? 'unknown' : clientAddress;
  // Whom we trust is named after whom it named.
  const chain = clientAddress === peer.address ? address : `${address}, ${peer.address}`;
  const proto = peer.isTls ? 'https' : 'http';
  const lines = `x-forwarded-for: ${chain}\r\nx-forwarded-proto: ${proto}\r\nx-forwarded-host: ${host}\r\n`;
  peer.note = { host, address: clientAddress, lines } satisfies Whence;
  return lines;
}
