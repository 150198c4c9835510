import { isIP } from 'node:net';
import { z } from 'zod';
import { patternFault } from '../match/linear-pattern.ts';

/** What names of routes, clusters, listeners and policies are made of. */
export const memberName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits, dots, dashes and underscores, at most 63');

/** The name of a host, or `*.` and a name. */
export const hostName = hostText(hostFault);

function hostText(faultOf: (host: string) => string | undefined) {
  return z
    .string()
    .max(253, 'may have at most 253 characters')
    .transform((text, context) => {
      const host = text.toLowerCase();
      const fault = faultOf(host);
      if (fault === undefined) return host;
      context.addIssue({ code: 'custom', message: fault });
      return z.NEVER;
    });
}

const hostExpression = z
  .strictObject({
    regex: z
      .string()
      .superRefine((source, context) => {
        const fault = patternFault(source);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      })
      .describe("The whole name, in lower case, in RE2's syntax."),
  })
  // `~` stands in no name.
  .transform(({ regex }) => `~${regex}`);

/** A name whose end may be anything. */
const ENDING = /^[a-z0-9_][a-z0-9._-]*\.\*$/;

/** What may stand in `hosts` of a route. */
export const routeHosts = z
  .array(
    z.union([hostText((host) => (host === '*' || ENDING.test(host) ? undefined : hostFault(host))), hostExpression]),
  )
  .min(1, 'is empty, so that the route would answer nothing; leave it out for every host')
  .refine((hosts) => hosts.length > 1 || hosts[0] !== '*', {
    error: 'is any host, which is what a route without hosts has; leave hosts out',
  });

function hostFault(host: string): string | undefined {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (
    /^(?=.*[a-z0-9])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(
      name,
    )
  )
    return undefined;
  if (/^\[.*\]$/.test(host) && isIP(host.slice(1, -1)) === 6) return undefined;
  if (host === '*') return 'is any host, which is what a route without hosts has; leave hosts out';
  if (host.includes('*')) return 'has a * elsewhere than as its whole first label; write *.example.com';
  if (/:\d+$/.test(host)) return 'has a port, which is not looked at; leave it out';
  if (host.includes('/')) return 'is more than a host; write only the name, such as shop.example.com';
  return 'is no host name; write shop.example.com or *.example.com';
}

const fieldText = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is no name of a header field');

/** The name of a header field; read in lower case. */
export const fieldName = fieldText.transform((name) => name.toLowerCase());

/** Something for each of several fields, whose names are `name`s: none may be there twice, however it is spelled. */
export function byFieldName<Value, Written>(name: z.ZodType<string, string>, value: z.ZodType<Value, Written>) {
  return z.record(fieldText, value).transform((written, context) => {
    const read = new Map<string, Value>();
    for (const [key, each] of Object.entries(written)) {
      const { data = key, error } = name.safeParse(key);
      for (const { message } of error?.issues ?? []) context.addIssue({ code: 'custom', path: [key], message });
      if (read.has(data))
        context.addIssue({ code: 'custom', path: [key], message: `is there twice: ${data} is the same in any case` });
      read.set(data, each);
    }
    return Object.fromEntries(read);
  });
}
