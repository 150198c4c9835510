import { defineContract, operation } from '@fairlead/contract';
import { z } from 'zod';
import {
  isoTime,
  share,
  count,
  processes,
  causes,
  written,
  snapshotOf,
  reason,
  swap,
  red,
  endpoint,
  explanation,
  most,
} from './admin-schemas.ts';

/** What becomes of a change, process by process. */
const changed = z.object({
  processes: z.array(z.object({ pid: z.int(), outcome: z.string(), count: count.optional() })),
});

const change = {
  visibility: 'internal',
  errors: {
    CHANGES_OFF: 'forbidden',
    CREDENTIAL_WRONG: 'unauthenticated',
    FOREIGN_PAGE: 'forbidden',
    AUDIT_UNWRITABLE: 'unavailable',
    CHANGE_REFUSED: 'conflict',
    BAD_REQUEST: 'invalid',
  },
} as const;
const who = z.string().min(1).max(200).optional().describe('Who asks for it, for the audit log. Default: unknown.');

/**
 * The admin API of a gateway: what it answers is checked by this, and `GET /openapi.json` is made of it. Those that change something are
 * the POSTs but `explain`.
 */
export const adminContract = defineContract({
  name: 'gateway-admin',
  version: '1.0.0',
  description: 'What a gateway is doing. It can be asked everything, and change little.',
  operations: {
    getStatus: operation({
      method: 'GET',
      path: '/status',
      summary: 'What is at work, in which processes, and what was refused last',
      output: z.object({
        ...snapshotOf,
        isDraining: z.boolean(),
        requests: count.describe('Under way.'),
        connections: count,
        changes: z.enum(['on', 'off']).describe('Whether this server takes changes, with its credential.'),
        lastRefusal: swap.optional().describe('There when the last configuration that was tried was refused.'),
        processes: z.array(
          z.object({
            pid: z.int(),
            told: z.boolean(),
            why: z.string().optional(),
            hash: z.string().optional(),
            startedAt: isoTime.optional(),
            requests: count.optional(),
          }),
        ),
      }),
    }),
    getConfig: operation({
      method: 'GET',
      path: '/config',
      summary: 'The configuration at work as it was written; texts that may be secrets are withheld',
      output: z.object({
        ...snapshotOf,
        written: written.optional().describe('Not there when no text was read: when code has made it.'),
        withheld: count.describe('How many texts are left out.'),
        importedFrom: z.string().optional().describe('The gateway that it was written for.'),
        processes,
      }),
    }),
    getSnapshot: operation({
      method: 'GET',
      path: '/snapshot',
      summary: 'The configuration at work, described: what the engine runs',
      output: z.object({
        hash: z.string(),
        origin: z.string(),
        loadedAt: isoTime,
        listeners: z.array(z.object({ name: z.string(), address: z.string(), isTls: z.boolean(), routes: count })),
        routes: z.array(
          z.object({
            name: z.string(),
            label: z.string(),
            hosts: z.array(z.string()),
            listeners: z.array(z.string()),
            matches: z.array(z.string()),
            isExclusive: z.boolean(),
            filters: z.array(z.string()),
            destinations: z.array(z.object({ cluster: z.string(), share })),
            timeoutMs: z.number(),
            maxBodyBytes: z.number(),
            policy: z.string().optional(),
          }),
        ),
        clusters: z.array(
          z.object({
            name: z.string(),
            endpoints: z.array(z.string()),
            balancer: z.string(),
            policy: z.string().optional(),
          }),
        ),
      }),
    }),
    getHistory: operation({
      method: 'GET',
      path: '/history',
      summary: 'What was taken and what was refused, and why; the latest first',
      output: z.object({ pid: z.int(), swaps: z.array(swap), processes }),
    }),
    getListeners: operation({
      method: 'GET',
      path: '/listeners',
      summary: 'Listeners, their connections and certificates',
      output: z.object({
        listeners: z.array(
          z.object({
            name: z.string(),
            url: z.string(),
            connections: count,
            certificates: z.array(
              z.object({
                names: z.array(z.string()),
                expiresAt: isoTime,
                daysLeft: z.number(),
                fingerprint: z.string(),
              }),
            ),
          }),
        ),
        processes,
      }),
    }),
    getRoutes: operation({
      method: 'GET',
      path: '/routes',
      summary: 'Routes with rate, errors and durations of about the last minute, the busiest first',
      input: z.object({ most: most.default(1_000) }),
      output: z.object({
        routes: z.array(z.object({ route: z.string(), ...red })),
        unmatched: z.object(red).describe('Requests that no route answers.'),
        all: count.describe('Routes that there are.'),
        processes,
      }),
    }),
    getConsumers: operation({
      method: 'GET',
      path: '/consumers',
      summary: 'Who has asked lately, how much, and what refused it; the latest first',
      input: z.object({ most: most.default(100) }),
      output: z.object({
        consumers: z.array(
          z.object({
            kind: z.enum(['consumer', 'subject', 'tenant', 'nobody']),
            name: z.string(),
            tenant: z.string().optional(),
            requests: count,
            failed: count,
            refused: causes,
            since: isoTime,
            lastAt: isoTime,
          }),
        ),
        forgotten: count.describe('Those whose counts made room for others: at most 1 000 are kept in a process.'),
        processes,
      }),
    }),
    getLimits: operation({
      method: 'GET',
      path: '/limits',
      summary: 'Rate limits, and who is near them',
      input: z.object({
        share: share.default(0.8).describe('Who has used at least this share of a burst.'),
        most: most.default(20).describe('At most so many of each limit.'),
      }),
      output: z.object({
        limits: z.array(
          z.object({
            name: z.string(),
            by: z.string(),
            isShared: z.boolean(),
            keys: count,
            maxKeys: count,
            overflowed: count,
            admitted: count,
            refused: count,
            rates: z.array(
              z.object({
                rate: z.string(),
                burst: z.number(),
                near: z.array(
                  z.object({
                    key: z.string().describe('Or sha256: and 12 digits where it may be what only its owner knows.'),
                    used: z.number(),
                    available: z.number(),
                    pid: z.int(),
                  }),
                ),
              }),
            ),
          }),
        ),
        processes,
      }),
    }),
    getClusters: operation({
      method: 'GET',
      path: '/clusters',
      summary: 'Clusters, the health of their endpoints, who is left out and why, process by process',
      output: z.object({
        clusters: z.array(
          z.object({
            name: z.string(),
            pid: z.int(),
            balancer: z.string(),
            isPanicking: z.boolean(),
            inFlight: count,
            pending: count,
            repeats: count,
            refused: z.record(z.string(), count),
            endpoints: z.array(endpoint),
          }),
        ),
        incidents: z
          .array(
            z.object({
              at: isoTime,
              pid: z.int(),
              cluster: z.string(),
              kind: z.string(),
              address: z.string().optional(),
              facts: z.record(z.string(), z.json()),
            }),
          )
          .describe('What happened to them, the latest first; at most 200 of a process.'),
        processes,
      }),
    }),
    getPolicies: operation({
      method: 'GET',
      path: '/policies',
      summary: 'Policies at work: breakers, budgets, limits, queues, process by process',
      output: z.object({
        policies: z.array(z.object({ policy: z.string(), pid: z.int(), state: z.record(z.string(), z.json()) })),
        processes,
      }),
    }),
    explainRequest: operation({
      method: 'POST',
      path: '/explain',
      summary: 'Why a request goes where it goes; nothing is sent. Changes nothing, and needs no credential',
      input: z.object({
        method: z.string().min(1).max(32).default('GET'),
        url: z.string().min(1).max(8_192).describe('A whole URL, or a target that begins with /.'),
        headers: z
          .array(z.tuple([z.string(), z.string()]))
          .max(200)
          .default([]),
        claims: z.record(z.string(), z.json()).optional().describe('What a verified token would say.'),
        body: z.string().optional(),
        from: z.string().optional().describe("The client's address. Default 127.0.0.1."),
        listener: z.string().optional(),
      }),
      output: explanation,
      errors: { BAD_REQUEST: 'invalid' },
    }),
    explainTarget: operation({
      method: 'GET',
      path: '/explain',
      summary: 'The same, of a method and URL alone',
      input: z.object({
        method: z.string().min(1).max(32).default('GET'),
        url: z.string().min(1).max(8_192),
        listener: z.string().optional(),
      }),
      output: explanation,
      errors: { BAD_REQUEST: 'invalid' },
    }),
    getCache: operation({
      method: 'GET',
      path: '/cache',
      summary: 'Caches: what they hold, and how often that was enough',
      input: z.object({
        zone: z.string().optional().describe('Of which answers are listed. Default: of each.'),
        most: count.max(1_000).default(0).describe('How many stored answers are listed of each. 0: none.'),
      }),
      output: z.object({
        caches: z.array(
          z.object({
            zone: z.string(),
            pid: z.int(),
            store: z.string(),
            entries: z.int().describe('-1: nobody counts.'),
            bytes: z.number(),
            maxBytes: z.number(),
            counts: z.record(z.string(), count).describe('Since the start: hits, misses and their kin.'),
            listed: z.array(
              z.object({
                url: z.string(),
                partition: z.string().describe('Whose it is, and where it came from.'),
                status: z.int(),
                bytes: z.number(),
                ageS: z.number(),
                ttlS: z.number().describe('Below 0: stale.'),
                tags: z.array(z.string()),
                vary: z.array(z.string()),
              }),
            ),
          }),
        ),
        processes,
      }),
    }),
    getChanges: operation({
      method: 'GET',
      path: '/changes',
      summary: 'The last changes that were asked for here, refused ones too; the latest first',
      output: z.object({
        changes: z.array(
          z.object({
            at: isoTime,
            id: z.string(),
            who: z.string(),
            from: z.string(),
            action: z.string(),
            target: z.record(z.string(), z.json()),
            outcome: z.string(),
          }),
        ),
      }),
    }),
    purgeCache: operation({
      ...change,
      method: 'POST',
      path: '/cache/purge',
      summary: 'Forgets stored answers: all, those of a tag, or those of a URL',
      input: z.object({
        all: z.boolean().optional(),
        tag: z.string().min(1).optional(),
        url: z.url().optional().describe('Absolute; all its variants.'),
        zone: z.string().optional().describe('Default: every cache.'),
        who,
      }),
      output: changed,
    }),
    ejectEndpoint: operation({
      ...change,
      method: 'POST',
      path: '/clusters/eject',
      summary: 'Leaves an endpoint out for a time; what it has under way goes on',
      input: z.object({
        cluster: z.string().min(1),
        address: z.string().min(1).describe('As /clusters tells it, such as http://10.0.0.7:8080.'),
        forS: z.number().positive().max(86_400).default(600),
        force: z.boolean().default(false).describe('Even when nobody is left to ask.'),
        who,
      }),
      output: changed,
    }),
    restoreEndpoint: operation({
      ...change,
      method: 'POST',
      path: '/clusters/restore',
      summary: 'Has an endpoint asked again that was left out, by whatever but its check',
      input: z.object({ cluster: z.string().min(1), address: z.string().min(1), who }),
      output: changed,
    }),
    reloadConfig: operation({
      ...change,
      method: 'POST',
      path: '/reload',
      summary: 'Reads the configuration now; a bad one is refused, and the last good one stays',
      input: z.object({ who }),
      output: z.object({
        processes: z.array(
          z.object({ pid: z.int(), outcome: z.string(), hash: z.string().optional(), reason: reason.optional() }),
        ),
      }),
    }),
  },
});
