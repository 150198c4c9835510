import { uuidV7 } from '@fairlead/core';
import { z } from 'zod';
import type { Filter, FilterFactory } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { writtenField } from './field-name.ts';

const schema = z.strictObject({
  type: z.literal('correlation-id'),
  header: writtenField('host').describe('Where the id is. x-request-id is written by the gateway without this.'),
  generator: z
    .enum(['uuid', 'uuid-counter'], { error: 'must be uuid or uuid-counter' })
    .optional()
    .describe('What a request gets that brings none: a uuid (default), or one of this process, # and a number.'),
  echo: z.boolean().optional().describe('Whether the answer has it, too. Default false.'),
});

type CorrelationIdSpec = z.output<typeof schema>;

const MOST_LENGTH = 256;
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Numbers the requests of a process. */
class Counter {
  readonly #name: string;
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  next(): string {
    this.#count += 1;
    return `${this.#name}#${this.#count}`;
  }
}

const make: FilterFactory<CorrelationIdSpec> = ({ header, generator = 'uuid', echo = false }, world) => {
  const fresh = () => uuidV7({ clock: world.clock, random: world.random });
  const counter = generator === 'uuid' ? undefined : world.kept('correlation-id', () => new Counter(fresh()));
  const filter: Filter = {
    type: 'correlation-id',
    request(passage) {
      const came = passage.fields.get(header);
      // What is no id, but a text to be seen in lines and pages, is replaced.
      const isId = came !== undefined && came.length <= MOST_LENGTH && PRINTABLE.test(came);
      const id = isId ? came : (counter?.next() ?? fresh());
      if (!isId) passage.setUpstream(header, id);
      if (echo) passage.setAnswer(header, id);
      return undefined;
    },
  };
  return filter;
};

/** `correlation-id`: a field that tells the requests of one errand from others. */
export const correlationIdKind: FilterKind<CorrelationIdSpec> = {
  type: 'correlation-id',
  open: ['header', 'generator'],
  schema,
  isAtDoor: () => true,
  explain: ({ header, echo }) => `gives requests an id in ${header}${echo === true ? ', and tells it in answers' : ''}`,
  make,
};
