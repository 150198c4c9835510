import { defineContract, event, operation } from '@fairlead/contract';
import { z } from 'zod';

const entry = z.object({ id: z.string(), text: z.string(), createdAt: z.iso.datetime() });

export const sampleContract = defineContract({
  name: 'sample',
  version: '1.0.0',
  description: 'Short texts that a tenant keeps',
  operations: {
    create: operation({
      method: 'POST',
      path: '/sample',
      summary: 'Keep a text',
      visibility: 'public',
      idempotencyKey: 'required',
      input: z.object({ text: z.string().min(1).max(1000) }),
      status: 201,
      output: entry,
    }),
    get: operation({
      method: 'GET',
      path: '/sample/{id}',
      summary: 'One text of this tenant',
      visibility: 'public',
      input: z.object({ id: z.string() }),
      output: entry,
      errors: { NOT_THERE: 'not-found' },
    }),
    list: operation({
      method: 'GET',
      path: '/sample',
      summary: "This tenant's texts, newest first",
      visibility: 'public',
      input: z.object({ limit: z.int().min(1).max(100).default(20) }),
      output: z.object({ items: z.array(entry) }),
    }),
  },
  events: {
    'sample.created': event({
      summary: 'A text is kept',
      key: 'id',
      data: z.object({ id: z.string(), text: z.string() }),
    }),
  },
});
