import { defineContract, event, operation } from '@fairlead/contract';
import { FairleadError, type Context } from '@fairlead/core';
import { z } from 'zod';
import { integer } from './config.ts';
import { defineService } from './define-service.ts';

/** A service without a database. */
export const weatherContract = defineContract({
  name: 'weather',
  version: '1.0.0',
  operations: {
    today: operation({
      method: 'GET',
      path: '/weather/{place}',
      visibility: 'public',
      input: z.object({ place: z.string(), days: z.int().min(1).max(9).default(1) }),
      output: z.object({ place: z.string(), sky: z.enum(['clear', 'cloudy']), days: z.int() }),
      errors: { NO_SUCH_PLACE: 'not-found' },
    }),
    raw: operation({ method: 'GET', path: '/internal-weather', output: z.object({ who: z.string() }) }),
    forecast: operation({
      method: 'POST',
      path: '/forecast',
      visibility: 'public',
      roles: ['forecaster', 'admin'],
      output: z.object({ ok: z.boolean() }),
    }),
    misbehave: operation({
      method: 'POST',
      path: '/misbehave',
      visibility: 'public',
      input: z.object({ how: z.string() }),
      output: z.object({ ok: z.boolean() }),
      errors: { TOO_WINDY: 'unprocessable', BUSY_SKY: 'exhausted' },
    }),
  },
});

/** What `misbehave` does, by word; tests add their own. */
export const misbehaviours = new Map<string, (ctx: Context) => Promise<unknown>>();

export const weatherService = defineService({
  contract: weatherContract,
  operations: {
    async today(_ctx, { place, days }) {
      if (place === 'nowhere')
        throw new FairleadError('invalid', 'NO_SUCH_PLACE', 'There is no such place.', { details: { place } });
      return { place, sky: 'clear' as const, days };
    },
    async raw(ctx) {
      return { who: ctx.caller.service ?? 'nobody' };
    },
    async forecast() {
      return { ok: true };
    },
    async misbehave(ctx, { how }) {
      return (await misbehaviours.get(how)?.(ctx)) as { ok: boolean };
    },
  },
});

/** A service with a database, events and idempotency keys. */
export const notesContract = defineContract({
  name: 'notes',
  version: '1.0.0',
  operations: {
    addNote: operation({
      method: 'POST',
      path: '/notes',
      visibility: 'public',
      idempotencyKey: 'required',
      input: z.object({ text: z.string(), tags: z.array(z.string()).default([]) }),
      status: 201,
      output: z.object({ id: z.string(), text: z.string() }),
      errors: { TOO_LONG: 'unprocessable', FULL: 'exhausted' },
    }),
    countNotes: operation({
      method: 'GET',
      path: '/notes/count',
      visibility: 'public',
      output: z.object({ count: z.int() }),
    }),
    ping: operation({
      method: 'POST',
      path: '/ping',
      visibility: 'public',
      idempotencyKey: 'optional',
      input: z.object({ value: z.string().default('x') }),
      output: z.object({ value: z.string(), run: z.int() }),
    }),
  },
  events: {
    'note.added': event({
      key: 'id',
      data: z.object({ id: z.string(), text: z.string(), mood: z.enum(['good', 'bad']) }),
    }),
  },
});

/** What handlers of `notesService` do at the points that tests want to hold or break; all do nothing. */
export interface NotesHooks {
  beforeCommit?: (text: string) => Promise<void> | void;
  inCommit?: (text: string) => Promise<void> | void;
  afterCommit?: (text: string) => Promise<void> | void;
}

/** `notes` with hooks, and the number of times that its handlers ran. */
export function notesService(hooks: NotesHooks = {}) {
  const runs = { addNote: 0, ping: 0 };
  const definition = defineService({
    contract: notesContract,
    config: { maxLength: integer({ env: 'MAX_LENGTH', default: 20 }) },
    database: { migrations: new URL('./migrations.fixture/', import.meta.url) },
    operations: {
      async addNote(ctx, { text }, kit) {
        runs.addNote++;
        if (text.length > kit.config.maxLength)
          throw new FairleadError(
            'unprocessable',
            'TOO_LONG',
            `A note has at most ${kit.config.maxLength} characters.`,
          );
        if (text === 'full') throw new FairleadError('exhausted', 'FULL', 'No room now.');
        await hooks.beforeCommit?.(text);
        const id = kit.newId();
        const answer = await kit.commit(async (tx) => {
          await tx.query('insert into note (id, tenant, text) values ($1, $2, $3)', [id, ctx.tenant ?? '', text]);
          await tx.publish('note.added', { id, text, mood: 'good' });
          await hooks.inCommit?.(text);
          return { id, text };
        });
        await hooks.afterCommit?.(text);
        return answer;
      },
      async countNotes(ctx, _input, kit) {
        const { rows } = await kit.db.query<{ count: number }>(ctx, 'select count(*)::int as count from note');
        return { count: rows[0]?.count ?? 0 };
      },
      async ping(_ctx, { value }) {
        runs.ping++;
        return { value, run: runs.ping };
      },
    },
  });
  return { definition, runs };
}
