// What a match asks for, as `snapshot/` has read it: checked, units parsed, shorthands written out.

/** What a text must be. All members that are there must hold. */
export interface TextRule {
  readonly exact?: string;
  readonly oneOf?: readonly string[];
  readonly prefix?: string;
  /** In RE2's syntax; the whole text must match. */
  readonly regex?: string;
  /** Whether there is one at all. */
  readonly present?: boolean;
}

/** What a value of JSON must be: a claim, or what a pointer leads to. A list fits when one of its entries does. */
export interface ValueRule {
  readonly oneOf?: readonly (string | number | boolean | null)[];
  readonly regex?: string;
  readonly present?: boolean;
}

/** Which paths. */
export type PathRule =
  | { readonly kind: 'exact'; readonly path: string }
  /** Of whole segments. */
  | { readonly kind: 'prefix'; readonly path: string }
  /** The whole path, with `:name` or `{name}` for any one segment that isn't empty. */
  | { readonly kind: 'template'; readonly path: string }
  /** The whole path, in RE2's syntax. */
  | {
      readonly kind: 'regex';
      readonly pattern: string;
      /** Characters that the path begins with, decoded; not of whole segments. Default any. */
      readonly startsWith?: string;
      /** Beginnings, decoded, that the path has none of. Default none. */
      readonly unless?: readonly string[];
    };

/** Which version of an API. One in the path is no rule of its own: it is part of the path. */
export type VersionRule =
  | { readonly by: 'header'; readonly header: string; readonly is: string; readonly isDefault: boolean }
  /** `version=2` or `v=2` as a parameter, or `.v2` at the end of a vendor's type, in `Accept`, else `Content-Type`. */
  | { readonly by: 'media-type'; readonly is: string; readonly isDefault: boolean }
  /** A header with a day, `from` on and before `until`. */
  | {
      readonly by: 'date';
      readonly header: string;
      readonly from: string;
      readonly until: string | undefined;
      readonly isDefault: boolean;
    };

/** A gRPC service and method; a member that is left out is any. */
export interface GrpcRule {
  readonly service?: string;
  readonly method?: string;
}

/** What a request must be. Everything that is there must hold. */
export interface MatchSpec {
  /** Default: the prefix `/`. */
  readonly path?: PathRule;
  /** Default: any. */
  readonly methods?: readonly string[];
  /** By name, in lower case. */
  readonly headers?: Readonly<Record<string, TextRule>>;
  /** Of a parameter that comes several times, the first counts. */
  readonly query?: Readonly<Record<string, TextRule>>;
  /** Of a cookie that comes several times, the first counts. */
  readonly cookies?: Readonly<Record<string, TextRule>>;
  /** Takes the place of `path`. */
  readonly grpc?: GrpcRule;
  readonly version?: VersionRule;
  /** Addresses and CIDR blocks, one of which must hold the client's. */
  readonly clients?: readonly string[];
  /** By name, with dots into objects: known after the filters for all routes. */
  readonly claims?: Readonly<Record<string, ValueRule>>;
  /** By JSON pointer (RFC 6901). */
  readonly body?: Readonly<Record<string, ValueRule>>;
  /** How much of a body is read to look into it. Default 65 536. */
  readonly maxBodyBytes?: number;
}
