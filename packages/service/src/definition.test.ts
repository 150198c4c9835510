import { defineContract, event, operation } from '@fairlead/contract';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { boolean, duration, integer, oneOf, secret, string, url } from './config.ts';
import { defineService } from './define-service.ts';
import type { ServiceDefinition } from './definition.ts';
import type { Secret } from './secret.ts';

const greetings = defineContract({
  name: 'greetings',
  version: '1.0.0',
  operations: {
    greet: operation({
      method: 'POST',
      path: '/greetings/{name}',
      input: z.object({ name: z.string(), times: z.int().default(1) }),
      output: z.object({ text: z.string(), mood: z.enum(['warm', 'cold']) }),
      errors: { TOO_LOUD: 'unprocessable' },
    }),
    list: operation({ method: 'GET', path: '/greetings', output: z.object({ items: z.array(z.string()) }) }),
  },
  events: {
    'greeting.said': event({ key: 'name', data: z.object({ name: z.string(), at: z.int() }) }),
  },
});

const echo = defineContract({
  name: 'echo',
  version: '1.0.0',
  operations: { say: operation({ method: 'POST', path: '/say', output: z.object({ said: z.string() }) }) },
  events: { 'echo.heard': event({ key: 'id', data: z.object({ id: z.string(), loud: z.enum(['yes', 'no']) }) }) },
});

test('types flow from contract, config and uses into the handlers', () => {
  const service = defineService({
    contract: echo,
    config: {
      max: integer({ env: 'MAX', default: 3 }),
      name: string({ env: 'NAME' }),
      quiet: boolean({ env: 'QUIET', default: false }),
      wait: duration({ env: 'WAIT', default: 100 }),
      link: url({ env: 'LINK' }),
      mood: oneOf(['warm', 'cold'], { env: 'MOOD', default: 'warm' }),
      key: secret({ env: 'KEY' }),
    },
    uses: { hello: greetings },
    database: { migrations: new URL('./migrations/', import.meta.url) },
    operations: {
      async say(ctx, input, kit) {
        expectTypeOf(kit.config.max).toEqualTypeOf<number>();
        expectTypeOf(kit.config.name).toEqualTypeOf<string>();
        expectTypeOf(kit.config.quiet).toEqualTypeOf<boolean>();
        expectTypeOf(kit.config.wait).toEqualTypeOf<number>();
        expectTypeOf(kit.config.link).toEqualTypeOf<URL>();
        expectTypeOf(kit.config.mood).toEqualTypeOf<'warm' | 'cold'>();
        expectTypeOf(kit.config.key).toEqualTypeOf<Secret>();
        expectTypeOf(input).toEqualTypeOf<Record<string, never>>();
        expectTypeOf(kit.calls).toHaveProperty('hello');
        // @ts-expect-error -- not in `uses`
        void kit.calls.other;
        // @ts-expect-error -- not in the contract
        void kit.calls.hello.shout;
        const answer = await kit.calls.hello.greet(ctx, { name: 'Ada' });
        expectTypeOf(answer.text).toEqualTypeOf<string>();
        expectTypeOf<'lukewarm'>().toExtend<typeof answer.mood>();
        // @ts-expect-error -- an input member of the wrong type
        void kit.calls.hello.greet(ctx, { name: 1 });
        return kit.commit(async (tx) => {
          await tx.publish('echo.heard', { id: 'a', loud: 'yes' });
          // @ts-expect-error -- another contract's event
          void tx.publish('greeting.said', { name: 'Ada', at: 1 });
          // @ts-expect-error -- an enum value that the contract does not have
          void tx.publish('echo.heard', { id: 'a', loud: 'maybe' });
          return { said: answer.text };
        });
      },
    },
    consumers: {
      hello: {
        async 'greeting.said'(_ctx, event, kit) {
          expectTypeOf(event.type).toEqualTypeOf<'greeting.said'>();
          expectTypeOf(event.data).toEqualTypeOf<{ name: string; at: number }>();
          expectTypeOf(await kit.commit(async () => 42)).toEqualTypeOf<number>();
        },
      },
    },
  });
  expectTypeOf(service.contract).toEqualTypeOf(echo);
  // What the blueprint's loader and `createService` take.
  const erased: ServiceDefinition = service;
  void erased;
});

test('an answer that does not fit the contract, or a missing handler, does not compile', () => {
  () =>
    defineService({
      contract: echo,
      operations: {
        // @ts-expect-error -- `said` is text
        say: async () => ({ said: 1 }),
      },
    });
  () =>
    defineService({
      contract: greetings,
      // @ts-expect-error -- `list` is missing
      operations: { greet: async () => ({ text: '', mood: 'warm' as const }) },
    });
  () =>
    defineService({
      contract: echo,
      operations: {
        async say(_ctx, _input, kit) {
          // @ts-expect-error -- what commit answers is what the operation answers
          return kit.commit(async () => ({ said: 1 }));
        },
      },
    });
});
