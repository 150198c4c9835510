import { isIP } from 'node:net';
import { z } from 'zod';
import { blockFault } from '../match/address-blocks.ts';
import type { ListenerAddress } from './compiled-snapshot.ts';
import { given } from './given.ts';
import { memberName } from './names.ts';
import { duration, size } from './quantities.ts';
import { tlsForm } from './tls-form.ts';

/** `host:port` or `unix:/path`; `undefined` when it is neither. */
function parseAddress(text: string): ListenerAddress | undefined {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const [, bracketed, name, digits] = /^(?:\[([^\]]+)\]|([^:\s/]*)):(\d{1,5})$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port: Number(digits) } : undefined;
  return { host: name === undefined || name === '' ? '0.0.0.0' : name, port: Number(digits) };
}

const address = z.string().transform((text, context) => {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return parsed;
  const message = `write 0.0.0.0:8080, [::]:8080 or unix:/run/gateway.sock, not ${JSON.stringify(text)}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const count = z.int().min(1);

const socketMode = z
  .string()
  .regex(/^0?[0-7]{3}$/, "write it in octal and in quotes, such as '0660'")
  .transform((digits) => Number.parseInt(digits, 8));

const limits = z
  .strictObject({
    maxConnections: z.int().min(0).optional().describe('Default 10000. 0 means any number.'),
    maxHead: size.optional().describe('Default 16KiB.'),
    maxTarget: size.optional().describe('Default 8KiB.'),
    maxFields: count.optional().describe('Default 100.'),
    headTimeout: duration.optional().describe('For a whole head, from its first byte. Default 10s. 0s means for ever.'),
    bodyTimeout: duration.optional().describe('For each part of a body. Default 60s. 0s means for ever.'),
    readerTimeout: duration.optional().describe('For a client that takes nothing. Default 60s. 0s means for ever.'),
    idleTimeout: duration.optional().describe('Between requests. Default 65s. 0s means for ever.'),
  })
  .transform((written) =>
    given({
      maxConnections: written.maxConnections,
      maxHeadBytes: written.maxHead,
      maxTargetBytes: written.maxTarget,
      maxFields: written.maxFields,
      headTimeoutMs: written.headTimeout,
      bodyTimeoutMs: written.bodyTimeout,
      readerTimeoutMs: written.readerTimeout,
      idleTimeoutMs: written.idleTimeout,
    }),
  );

const trusted = z.string().superRefine((block, context) => {
  const message = blockFault(block);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** A listener, as people write it. */
export const listenerForm = z
  .strictObject({
    name: memberName,
    address: address.describe('host:port, :port for all addresses, or unix:/path. Port 0 takes a free one.'),
    mode: socketMode
      .optional()
      .describe(
        "Who may connect to a Unix socket, as chmod has it: '0660' for owner and group. Default: what the umask leaves.",
      ),
    tls: tlsForm.optional(),
    http2: z.boolean().default(false),
    proxyProtocol: z.boolean().default(false).describe('Whether each connection begins with a PROXY protocol header.'),
    privateHandles: z
      .boolean()
      .default(false)
      .describe(
        'Reads connections by what Node 24 has but promises nobody, which takes less time. Not with tls, http2 or proxyProtocol.',
      ),
    trustedProxies: z
      .array(trusted)
      .default([])
      .describe('Addresses and CIDR blocks whose X-Forwarded-For is believed. Default none.'),
    limits: limits.optional(),
  })
  .refine(({ address: at, mode }) => mode === undefined || 'path' in at, {
    path: ['mode'],
    message: 'is of a Unix socket, and the address is none; leave it out',
  })
  .superRefine(({ privateHandles, tls, http2, proxyProtocol }, context) => {
    if (!privateHandles || (tls === undefined && !http2 && !proxyProtocol)) return;
    const message = 'is for connections that begin with HTTP/1.1; leave it out beside tls, http2 and proxyProtocol';
    context.addIssue({ code: 'custom', path: ['privateHandles'], message });
  });
