import { FieldSieve, type OutgoingFields } from '@fairlead/net';
import { CLAIMS } from '../../edge-claims.ts';
import type { Passage, PassageFacts } from '../../engine/filter.ts';
import { readFieldTemplate, type FieldValue } from '../field-template.ts';
import { askedUrl } from '../navigation.ts';
import type { ExtAuthSpec } from './ext-auth-spec.ts';

/**
 * What the service is not told of a client's request: what it only claims, and what is about its body, or about a copy that it
 * has; the answer to the question is another one.
 */
const SIEVE = new FieldSieve({
  drop: [
    ...CLAIMS.names,
    'content-encoding',
    'content-type',
    'forwarded',
    'if-match',
    'if-modified-since',
    'if-none-match',
    'if-range',
    'if-unmodified-since',
    'range',
    'x-original-method',
    'x-original-uri',
    'x-real-ip',
  ],
  dropPrefixes: [...CLAIMS.prefixes, 'x-fairlead-', 'x-forwarded-'],
  dropUnderscores: true,
});

/** Makes the fields of the question whether a request may pass. */
export function authQuestion(spec: ExtAuthSpec['request']): (passage: Passage) => OutgoingFields {
  const { fields = 'all', set = {}, remove = [] } = spec ?? {};
  const isTold = fields === 'all' ? (name: string) => !remove.includes(name) : (name: string) => fields.includes(name);
  const templates = Object.entries(set).map(([name, text]): [string, FieldValue] => [name, readFieldTemplate(text)]);
  return (passage) => {
    const told: Record<string, string> = {};
    const ofConnection = connectionNames(passage);
    for (const [name, value] of Object.entries(passage.fields.record))
      if (isTold(name) && !SIEVE.drops(name) && !ofConnection.includes(name)) told[name] = value;
    Object.assign(told, whatIsAsked(passage));
    for (const name of remove) Reflect.deleteProperty(told, name);
    for (const [name, value] of templates) told[name] = typeof value === 'string' ? value : value(passage);
    return told;
  };
}

function whatIsAsked(passage: PassageFacts): Record<string, string> {
  const { method, path, query, host, isTls, clientAddress } = passage;
  return {
    'x-original-uri': path + query,
    'x-original-method': method,
    'x-original-url': askedUrl(passage),
    'x-forwarded-for': clientAddress,
    'x-forwarded-host': passage.fields.get('host') ?? host,
    'x-forwarded-method': method,
    'x-forwarded-proto': isTls ? 'https' : 'http',
    'x-forwarded-uri': path + query,
  };
}

/** Fields that are meant for this connection only (RFC 9110, section 7.6.1). */
function connectionNames({ fields }: PassageFacts): readonly string[] {
  const value = fields.get('connection');
  return value === undefined ? [] : value.split(',').map((name) => name.trim().toLowerCase());
}
