import { onDemand } from '@fairlead/core';
import { fail } from '../errors.ts';
import { IS_TARGET, IS_TOKEN, IS_VALUE } from './octets.ts';

/** Fields by name; a name that is needed several times, such as `set-cookie`, has a list. */
export type OutgoingFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What frames a message is written by whoever sends it, not taken from others. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'trailer']);
const statusLines = new Map<number, string>();
/** Names that were found to be sendable; they are few. */
const sendable = new Set<string>();
const MOST_SENDABLE = 512;

/**
 * The head of a response, as latin1 text. `framing` are whole lines that are believed: what says how long the body is,
 * and whether the connection lives on.
 * @throws UNSENDABLE when a status is none, or a field is no field or frames the message
 */
export function responseHead(status: number, fields: OutgoingFields, framing: string): string {
  if (status < 200) throw fail('UNSENDABLE', `${status} is no status of an answer; it is from 200 to 599.`);
  return `${statusLine(status)}${fieldLines(fields)}${framing}\r\n`;
}

/**
 * The head of a request, as latin1 text. `framing` are whole lines that are believed, `host` among them.
 * @throws UNSENDABLE when the method or the target could not stand in a request line, or a field is no field or frames
 * the message
 */
export function requestHead(method: string, target: string, fields: OutgoingFields, framing: string): string {
  if (!isToken(method)) throw fail('UNSENDABLE', `${JSON.stringify(method)} is no method.`);
  for (let at = 0; at < target.length; at += 1) {
    if (IS_TARGET[target.charCodeAt(at)] !== 1)
      throw fail('UNSENDABLE', 'The target holds a character that no URL has.');
  }
  if (target === '') throw fail('UNSENDABLE', 'The request has no target.');
  return `${method} ${target} HTTP/1.1\r\n${fieldLines(fields)}${framing}\r\n`;
}

function fieldLines(fields: OutgoingFields): string {
  let lines = '';
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    if (!sendable.has(name)) checkName(name);
    if (typeof value === 'string') lines += `${name}: ${checked(name, value)}\r\n`;
    else for (const one of value) lines += `${name}: ${checked(name, one)}\r\n`;
  }
  return lines;
}

function checkName(name: string): void {
  if (!isToken(name)) throw fail('UNSENDABLE', `${JSON.stringify(name)} is no field name.`);
  if (FRAMING.has(name.toLowerCase())) {
    throw fail('UNSENDABLE', `The field ${name} is written by the sender itself; leave it out.`);
  }
  if (sendable.size < MOST_SENDABLE) sendable.add(name);
}

function checked(name: string, value: string): string {
  for (let at = 0; at < value.length; at += 1) {
    if (IS_VALUE[value.charCodeAt(at)] !== 1) {
      throw fail('UNSENDABLE', `The field ${name} holds a control character, or one that is not latin1. Encode it.`);
    }
  }
  return value;
}

function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (IS_TOKEN[text.charCodeAt(at)] !== 1) return false;
  return text.length > 0;
}

/**
 * A status line with its CRLF.
 * @throws UNSENDABLE
 */
export function statusLine(status: number): string {
  const known = statusLines.get(status);
  if (known !== undefined) return known;
  if (!Number.isInteger(status) || status < 100 || status > 599) {
    throw fail('UNSENDABLE', `${status} is no status; it is from 100 to 599.`);
  }
  const line = `HTTP/1.1 ${status} ${onDemand.http.STATUS_CODES[status] ?? ''}\r\n`;
  statusLines.set(status, line);
  return line;
}

const MOST_REMEMBERED_LENGTH = 16 * 1024;
const lengthLines: (string | undefined)[] = [];

/** The line that says how long a body is, with its CRLF. */
export function lengthLine(bytes: number): string {
  if (bytes >= MOST_REMEMBERED_LENGTH) return `content-length: ${bytes}\r\n`;
  return (lengthLines[bytes] ??= `content-length: ${bytes}\r\n`);
}
