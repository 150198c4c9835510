/** A request of a case. */
export interface CaseRequest {
  /** Request line, fields and body, lines by \n. `Host: shop.test:8080` and `Connection: close` are added where they are missing. */
  readonly text: string;
  /** The port that is asked. Default 8080. */
  readonly port?: number;
  readonly isTls?: boolean;
  /** Asked, and answered when all others have been. */
  readonly isHeld?: boolean;
}

/** A configuration that both run, and what is asked of them. */
export interface Case {
  readonly name: string;
  /** What stands in `http`; with {address}, {origin}, {other}, {dead} and {id} in it. */
  readonly config: string;
  readonly requests: readonly (string | CaseRequest)[];
  /** What is known to differ, with its argument in docs/guides/from-nginx.md: what is left out of the comparison. */
  readonly differs?: {
    readonly status?: boolean;
    readonly body?: boolean;
    readonly answer?: readonly string[];
    readonly asked?: readonly string[];
  };
}

/** A server at the case's address. */
export function site(inside: string, outside = ''): string {
  return `${outside}\nserver {\n  listen {address}:8080;\n  ${inside}\n}\n`;
}
