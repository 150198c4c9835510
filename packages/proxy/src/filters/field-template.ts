import { z } from 'zod';
import type { Passage } from '../engine/filter.ts';
import { cookieValue } from '../match/request-values.ts';
import { claimAt, claimText, printable } from './claims.ts';

/** What a field is set to: always the same, or something of each request. */
export type FieldValue = string | ((passage: Passage) => string);

const PLACEHOLDER = /\{([a-z-]+)(?::([^{}]+))?\}/g;
const NAMES = [
  'method',
  'scheme',
  'host',
  'path',
  'query',
  'search',
  'target',
  'client-address',
  'request-id',
  'tenant',
  'subject',
  'consumer',
  'roles',
  'forwarded-for',
  'header',
  'cookie',
  'parameter',
  'claim',
];

/** The value of a field as people write it, such as `for {client-address}`. */
export const fieldTemplate = z
  .string()
  .regex(/^[\t\x20-\x7e]*$/, 'a field holds printable ASCII')
  .superRefine((text, context) => {
    for (const [whole, kind = ''] of text.matchAll(PLACEHOLDER)) {
      if (NAMES.includes(kind)) continue;
      context.addIssue({
        code: 'custom',
        message: `there is no ${whole}; there are ${NAMES.map((each) => `{${each}}`).join(' ')}`,
      });
    }
  });

/** Reads a template. A text without placeholders is itself. */
export function readFieldTemplate(text: string): FieldValue {
  const parts: FieldValue[] = [];
  let end = 0;
  for (const found of text.matchAll(PLACEHOLDER)) {
    parts.push(text.slice(end, found.index), placeholder(found[1] ?? '', found[2] ?? ''));
    end = found.index + found[0].length;
  }
  parts.push(text.slice(end));
  return parts.length === 1
    ? text
    : (passage) => parts.map((part) => (typeof part === 'string' ? part : part(passage))).join('');
}

function placeholder(kind: string, name: string): FieldValue {
  switch (kind) {
    case 'method':
      return ({ method }) => method;
    case 'scheme':
      return ({ isTls }) => (isTls ? 'https' : 'http');
    case 'host':
      return ({ host }) => host;
    case 'path':
      return ({ path }) => path;
    case 'query':
      return ({ query }) => query.slice(1);
    case 'search':
      return ({ query }) => (query === '?' ? '' : query);
    case 'forwarded-for':
      // Whatever the client says of those before it, as nginx's $proxy_add_x_forwarded_for.
      return ({ fields, clientAddress }) => {
        const before = fields.get('x-forwarded-for') ?? '';
        return before === '' ? clientAddress : `${before}, ${clientAddress}`;
      };
    case 'cookie':
      return ({ fields }) => cookieValue(fields.get('cookie'), name) ?? '';
    case 'parameter':
      return ({ query }) => spelledParameter(query, name);
    case 'target':
      return ({ path, query }) => path + query;
    case 'client-address':
      return ({ clientAddress }) => clientAddress;
    case 'request-id':
      return ({ ctx }) => ctx.requestId;
    case 'tenant':
      return ({ identity }) => identity?.tenant ?? '';
    case 'subject':
      return ({ identity }) => printable(identity?.subject ?? '');
    case 'consumer':
      return ({ identity }) => printable(identity?.consumer ?? '');
    case 'roles':
      return ({ identity }) => printable((identity?.roles ?? []).join(', '));
    case 'header':
      return ({ fields }) => fields.get(name) ?? '';
    default:
      return ({ identity }) => claimText(identity && claimAt(identity.claims, name)) ?? '';
  }
}

/** The first value of a parameter as it was spelled; empty without one. */
function spelledParameter(query: string, name: string): string {
  const pair = query
    .slice(1)
    .split('&')
    .find((each) => each.startsWith(`${name}=`));
  return pair?.slice(name.length + 1) ?? '';
}
