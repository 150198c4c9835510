const MOST_CAUSES = 16;
const OTHER = '_other';

/** By what somebody is known: by which of them; `nobody` for those who proved nothing. */
export type ConsumerKind = 'consumer' | 'subject' | 'tenant' | 'nobody';

/** How often somebody has asked, in one table. */
export class ConsumerRow {
  /** Whose it is. */
  readonly table: object;
  readonly kind: ConsumerKind;
  readonly name: string;
  readonly tenant: string | undefined;
  readonly sinceMs: number;
  requests = 0;
  failed = 0;
  lastAtMs = 0;
  refused: Map<string, number> | undefined;
  /** It was asked after since it was last looked at. */
  isUsed = true;
  isForgotten = false;

  constructor(table: object, kind: ConsumerKind, name: string, tenant: string | undefined, sinceMs: number) {
    this.table = table;
    this.kind = kind;
    this.name = name;
    this.tenant = tenant;
    this.sinceMs = sinceMs;
  }

  count(status: number, cause: string | undefined, atMs: number): void {
    this.requests += 1;
    this.lastAtMs = atMs;
    this.isUsed = true;
    if (status >= 500) this.failed += 1;
    else if (cause !== undefined && status >= 400 && status !== 499) this.#refuse(cause);
  }

  #refuse(cause: string): void {
    const refused = (this.refused ??= new Map<string, number>());
    const told = refused.size < MOST_CAUSES || refused.has(cause) ? cause : OTHER;
    refused.set(told, (refused.get(told) ?? 0) + 1);
  }
}
