import { Fields } from '@fairlead/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerFlow, type FlowEnds } from './answer-flow.ts';
import { BytesSource } from './bytes-source.ts';
import type { BodySink } from './filter.ts';
import { passing } from './filter-of.fixture.ts';
import type { StageMaker } from './told-answer.ts';

const NO_TRAILERS = new Fields([]);

/** What happens later, in the order in which it was put off. */
class Later {
  readonly #tasks: (() => void)[] = [];

  put(task: () => void): void {
    this.#tasks.push(task);
  }

  run(most = Infinity): void {
    for (let count = 0; count < most; count += 1) {
      const task = this.#tasks.shift();
      if (task === undefined) return;
      task();
    }
  }
}

/** A stage that gives on later, and says that it has no room while it holds more than one part. */
function late(later: Later): StageMaker {
  return (next, source) => {
    const waiting: Buffer[] = [];
    let ended: Fields | undefined;
    let isFull = false;
    let owesRoom = false;
    const give = () => {
      const part = isFull ? undefined : waiting.shift();
      if (part !== undefined) isFull = !next.part(part);
      if (!isFull && waiting.length === 0 && ended !== undefined) return next.end(ended);
      if (!isFull && waiting.length === 0 && owesRoom) {
        owesRoom = false;
        source.room();
      }
      if (!isFull && waiting.length > 0) later.put(give);
    };
    return {
      part(part) {
        waiting.push(Buffer.from(part));
        later.put(give);
        owesRoom ||= waiting.length > 1;
        return waiting.length <= 1;
      },
      end(trailers) {
        ended = trailers;
        later.put(give);
      },
      cut: () => void (waiting.length = 0),
      room() {
        isFull = false;
        give();
      },
    };
  };
}

/** A stage that cuts parts into small ones, in memory that is used again: who keeps a part without a copy is found out. */
const slicing: StageMaker = (next, source) =>
  passing(next, source, {
    part(part) {
      const memory = Buffer.alloc(3);
      let hasRoom = true;
      for (let at = 0; at < part.length; at += 3) {
        const slice = memory.subarray(0, Math.min(3, part.length - at));
        part.copy(slice, 0, at, at + slice.length);
        hasRoom = next.part(slice);
        memory.fill(0);
      }
      return hasRoom;
    },
  });

/** A stage with a reader of its own beside the way. */
const teeing =
  (read: Buffer[]): StageMaker =>
  (next, source) =>
    passing(next, source, {
      part(part) {
        read.push(Buffer.from(part));
        return next.part(part);
      },
    });

class Client implements FlowEnds {
  readonly parts: Buffer[] = [];
  readonly ends: string[] = [];
  readonly #later: Later;
  readonly #hasRoom: () => boolean;
  flow: AnswerFlow | undefined;
  onRoom: () => void = () => {};

  constructor(later: Later, hasRoom: () => boolean) {
    this.#later = later;
    this.#hasRoom = hasRoom;
  }

  deliver(part: Buffer): boolean {
    this.parts.push(Buffer.from(part));
    const hasRoom = this.#hasRoom();
    if (!hasRoom) this.#later.put(() => this.flow?.room());
    return hasRoom;
  }

  delivered(): void {
    this.ends.push('whole');
  }

  broken(): void {
    this.ends.push('broken');
    this.flow?.stop();
  }

  sourceRoom(): void {
    this.onRoom();
  }
}

const stageKind = fc.constantFrom('identity', 'late', 'slicing', 'tee');

test('any chunks through any stages, at any pace, are the same bytes; of one that is cut the client has a beginning', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 12 }),
      fc.array(stageKind, { maxLength: 4 }),
      fc.infiniteStream(fc.boolean()),
      fc.option(fc.nat({ max: 30 }), { nil: undefined }),
      (bytes, sizes, kinds, rooms, cutAfter) => {
        const body = Buffer.from(bytes);
        const later = new Later();
        const reads: Buffer[][] = [];
        const makers = kinds.map((kind): StageMaker => {
          if (kind === 'late') return late(later);
          if (kind === 'slicing') return slicing;
          if (kind === 'identity') return (next, source) => passing(next, source);
          reads.push([]);
          return teeing(reads.at(-1) ?? []);
        });
        const client = new Client(later, () => rooms.next().value);
        const flow = new AnswerFlow(makers, body.length, client);
        client.flow = flow;
        let at = 0;
        let count = 0;
        const send = () => {
          for (;;) {
            if (at >= body.length) return flow.end(NO_TRAILERS);
            const end = Math.min(body.length, at + 1 + (sizes[count % sizes.length] ?? 0));
            count += 1;
            const part = Buffer.from(body.subarray(at, end));
            at = end;
            const hasRoom = flow.part(part);
            // It was lent.
            part.fill(0);
            if (!hasRoom) return;
          }
        };
        client.onRoom = () => later.put(send);
        later.put(send);
        later.run(cutAfter);
        if (cutAfter !== undefined) flow.cut();
        later.run();
        const got = Buffer.concat(client.parts);
        if (client.ends[0] === 'whole') {
          expect(got.equals(body)).toBe(true);
          for (const read of reads) expect(Buffer.concat(read).equals(body)).toBe(true);
        } else {
          expect(cutAfter).toBeDefined();
          expect(got.equals(body.subarray(0, got.length))).toBe(true);
        }
        expect(client.ends).toHaveLength(1);
      },
    ),
  );
});

test('bytes that are there are given in parts, and no faster than they are taken', () => {
  const body = Buffer.alloc(200_000, 'x');
  const source = new BytesSource(body);
  const sizes: number[] = [];
  let ended = 0;
  const sink: BodySink = {
    part(part) {
      sizes.push(part.length);
      return false;
    },
    end: () => (ended += 1),
    cut: () => {},
  };
  source.start(sink);
  expect(sizes).toEqual([65_536]);
  for (let count = 0; count < 9; count += 1) source.room();
  expect(sizes).toEqual([65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
  expect(ended).toBe(1);
});

test('room that is told within a part is not lost, nor does it give parts within parts', () => {
  const source = new BytesSource(Buffer.alloc(150_000));
  let depth = 0;
  let count = 0;
  source.start({
    part() {
      expect((depth += 1)).toBe(1);
      count += 1;
      source.room();
      depth -= 1;
      return false;
    },
    end: () => (count += 100),
    cut: () => {},
  });
  expect(count).toBe(103);
});

test('bytes of which nobody wants more are given no further', () => {
  const source = new BytesSource(Buffer.alloc(150_000));
  let count = 0;
  source.start({ part: () => (count += 1) < 0, end: () => expect.fail(), cut: () => {} });
  source.stop();
  source.room();
  expect(count).toBe(1);
});
