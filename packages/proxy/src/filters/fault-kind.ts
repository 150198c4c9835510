import { z } from 'zod';
import type { Filter, FilterFactory, Passage, Verdict } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { fieldName } from '../snapshot/names.ts';
import { duration } from '../snapshot/quantities.ts';

const share = z.string().transform((text, context) => {
  const percent = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100;
  context.addIssue({ code: 'custom', message: `write a share such as 5% or 0.1%, not ${JSON.stringify(text)}` });
  return z.NEVER;
});
const MOST_DELAY_MS = 60_000;

const schema = z
  .strictObject({
    type: z.literal('fault'),
    until: z.iso.datetime({ offset: true }).describe('When it ends by itself.'),
    header: z
      .strictObject({ name: fieldName, value: z.string() })
      .optional()
      .describe('Only requests with this field. Default all.'),
    delay: z
      .strictObject({ time: duration.refine((ms) => ms <= MOST_DELAY_MS, { message: 'may be at most 60s' }), share })
      .optional()
      .describe('Holds back a share of the requests.'),
    abort: z
      .strictObject({ status: z.int().min(400).max(599), share })
      .optional()
      .describe('Answers a share of the requests itself.'),
  })
  .refine(({ delay, abort }) => delay !== undefined || abort !== undefined, { message: 'write delay, abort or both' });

type FaultSpec = z.output<typeof schema>;

/** Makes faults on purpose, until a time and never longer: what callers do then is what is looked at. */
const make: FilterFactory<FaultSpec> = ({ until, header, delay, abort }, { clock, random }) => {
  const untilMs = Date.parse(until);
  const draw = (of: number): boolean => of > 0 && random.next() < of;
  const meant = (passage: Passage): boolean =>
    clock.now() < untilMs && (header === undefined || passage.fields.get(header.name) === header.value);

  const aborted = (): Verdict =>
    abort !== undefined && draw(abort.share)
      ? { status: abort.status, cause: 'FAULT_INJECTED', detail: `This failure was made on purpose, until ${until}.` }
      : undefined;

  const filter: Filter = {
    type: 'fault',
    request(passage) {
      if (!meant(passage)) return undefined;
      if (delay === undefined || !draw(delay.share)) return aborted();
      return clock.sleep(delay.time, passage.ctx.signal).then(aborted);
    },
  };
  return filter;
};

const percent = (of: number): string => `${of * 100} %`;

/** `fault`: failures on purpose. */
export const faultKind: FilterKind<FaultSpec> = {
  type: 'fault',
  open: ['until', 'header.name', 'delay.time', 'delay.share', 'abort.share'],
  schema,
  explain: ({ until, delay, abort }) =>
    [
      ...(delay === undefined ? [] : [`holds ${percent(delay.share)} back for ${delay.time} ms`]),
      ...(abort === undefined ? [] : [`answers ${percent(abort.share)} with ${abort.status}`]),
      `until ${until}`,
    ].join(', '),
  make,
};
