import { PROBLEM_CONTENT_TYPE } from '@fairlead/core';
import type { AnswerSource, LocalAnswer } from './filter.ts';

/** A problem document (RFC 9457) of an answer of the proxy's own, as ASCII. */
export function problemBody(answer: LocalAnswer, instance: string, traceId: string): string {
  const { status, cause, detail, retryAfterMs, members } = answer;
  const words = cause.toLowerCase().replaceAll(/[_-]/g, ' ');
  const problem = {
    type: `urn:fairlead:problem:${cause.toLowerCase().replaceAll('_', '-')}`,
    title: words.slice(0, 1).toUpperCase() + words.slice(1),
    status,
    code: cause,
    detail,
    instance: instance === '' ? undefined : instance,
    traceId,
    retryAfterMs,
    ...members,
  };
  // The body goes out as latin1 text beside its head.
  return JSON.stringify(problem).replaceAll(/[^\x20-\x7e]/g, escaped);
}

/** The body of an answer of the proxy's own: latin1 text, bytes, or what makes them. */
export function localBody(answer: LocalAnswer, instance: string, traceId: string): string | Buffer | AnswerSource {
  const { body } = answer;
  if (body === undefined) return problemBody(answer, instance, traceId);
  // ASCII is the same in latin1.
  return typeof body !== 'string' || Buffer.byteLength(body) === body.length ? body : Buffer.from(body);
}

/** The lines of an answer of the proxy's own, but for its length. */
export function localLines(answer: LocalAnswer): string {
  const { fields, lines: prepared = '', retryAfterMs, body } = answer;
  let lines = body === undefined ? `content-type: ${PROBLEM_CONTENT_TYPE}\r\ncache-control: no-store\r\n` : '';
  if (retryAfterMs !== undefined) lines += `retry-after: ${Math.max(1, Math.ceil(retryAfterMs / 1_000))}\r\n`;
  lines += prepared;
  if (fields === undefined) return lines;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) lines += `${name}: ${lineSafe(one)}\r\n`;
  }
  return lines;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** What a filter says may hold what a client has said. */
function lineSafe(value: string): string {
  return value.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?');
}
