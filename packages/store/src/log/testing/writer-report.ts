/** What a process of writers tells its parent: transactions whose commit was acknowledged, and when, by the wall clock. */
export type WriterReport = readonly { readonly transaction: string; readonly events: number; readonly atMs: number }[];
