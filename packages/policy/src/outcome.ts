/** The work succeeded. */
export const SUCCESS = 0;
/** The work failed in a way that says something about whom it called. */
export const FAILURE = 1;
/** The work ended in a way that says nothing about whom it called: the caller went away, or the failure is excluded. */
export const IGNORED = 2;

/** How an attempt ended, as breakers and limits see it. A number, for it is passed on every call. */
export type Outcome = typeof SUCCESS | typeof FAILURE | typeof IGNORED;
