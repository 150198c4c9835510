import { z } from 'zod';

/** What programs tell a failure by, in problem documents, metrics and lines. */
export const problemCode = z.string().regex(/^[A-Z][A-Z0-9_]{0,62}$/, 'write a code such as GONE_FOR_GOOD');
