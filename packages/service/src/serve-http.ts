import type { Closeable } from '@fairlead/core';
import type { ServiceInstance } from './service-instance.ts';

/** Where to listen. */
export type ListenAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** How a service is served. */
export interface ServeOptions {
  readonly listen: ListenAddress;
  /** Largest request body, in bytes. Default 1 MiB (1 048 576). 0 means no body at all. */
  readonly maxBodyBytes?: number;
}

/** A listening server. */
export interface HttpServer extends Closeable {
  /** `unix:/path` or `http://host:port`, with the port it really has. */
  readonly url: string;
}

/** Serves an instance over HTTP. */
export declare function serveHttp(instance: ServiceInstance, options: ServeOptions): Promise<HttpServer>;
