import type { Output, Received } from './inference.ts';
import type { Operation } from './operation.ts';

export declare function encodeOutput<Op extends Operation>(operation: Op, value: Output<Op>): string;
export declare function decodeOutput<Op extends Operation>(operation: Op, text: string): Received<Op>;
