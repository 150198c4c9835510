import { jwtKind } from '../filters/jwt/jwt-kind.ts';
import type { FilterKind } from './filter-kind.ts';

/** The filters that there are, in the order in which documentation lists them. A new one is registered here. */
export const FILTER_KINDS: readonly FilterKind[] = [jwtKind];
