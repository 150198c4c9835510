import { z } from 'zod';
import type {
  AnswerHead,
  BodySink,
  BodyStage,
  Filter,
  FilterFactory,
  LocalAnswer,
  Revision,
} from '../engine/filter.ts';
import { fail } from '../errors.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { size } from '../snapshot/quantities.ts';

const schema = z.strictObject({
  type: z.literal('answer-size'),
  max: size.describe('Largest body of an answer that goes on. 0B lets none through.'),
});

type AnswerSizeSpec = z.output<typeof schema>;

const make: FilterFactory<AnswerSizeSpec> = ({ max }) => {
  const instead: LocalAnswer = {
    status: 502,
    cause: 'ANSWER_TOO_LARGE',
    detail: `The answer is larger than ${max} bytes, which is the most that is passed on here.`,
    members: { processed: 'yes' },
  };
  const counted = (next: BodySink, source: { room(): void }): BodyStage => {
    let bytes = 0;
    return {
      part(part) {
        bytes += part.length;
        // Too late to say so: what the client has must not look whole.
        if (bytes > max) throw fail('ANSWER_TOO_LARGE', instead.detail);
        return next.part(part);
      },
      end: (trailers) => next.end(trailers),
      cut: () => {},
      room: () => source.room(),
    };
  };
  const filter: Filter = {
    type: 'answer-size',
    revise(_passage, { bodyBytes, cause, status }: AnswerHead): Revision | undefined {
      if (cause !== undefined || status === 304) return undefined;
      if (bodyBytes > max) return { instead };
      return bodyBytes < 0 ? { stage: counted, bodyBytes } : undefined;
    },
  };
  return filter;
};

/** `answer-size`: how large the bodies of answers may be. */
export const answerSizeKind: FilterKind<AnswerSizeSpec> = {
  type: 'answer-size',
  schema,
  open: ['max'],
  isAtDoor: () => true,
  explain: ({ max }) => `passes on answers of at most ${max} bytes`,
  make,
};
