import type { FairleadError } from '@fairlead/core';
import type { Fields, ResponseHead } from '@fairlead/net';

/** An answer that its policy may not want: kept from the client until that has been said. Its upstream waits, so that it stays small. */
export class HeldAnswer {
  readonly head: ResponseHead;
  readonly parts: Buffer[] = [];
  /** What came after the body, when it is whole. */
  end: Fields | undefined;
  /** Why it will never be. */
  fault: FairleadError | undefined;

  constructor(head: ResponseHead) {
    this.head = head;
  }
}
