import type { Input, CallInput } from './inference.ts';
import type { Operation } from './operation.ts';

/** A call as it goes over the wire. */
export interface WireCall {
  /** Path and query, percent-encoded. */
  readonly path: string;
  /** JSON text; `undefined` for no body. */
  readonly body: string | undefined;
}

/** A call that somebody else's router has taken apart. */
export interface RoutedCall {
  /** Names in the path's braces, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Percent-decoded; a repeated name has a list. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** JSON text; `undefined` for no body. */
  readonly body: string | undefined;
}

export declare function encodeCall<Op extends Operation>(operation: Op, input: CallInput<Op>): WireCall;
export declare function decodeCall<Op extends Operation>(operation: Op, call: WireCall | RoutedCall): Input<Op>;
