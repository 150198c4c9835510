/** What only an edge may say of whence a request comes and what it is; from outside it is a claim, and dropped. */
export const CLAIMS = {
  names: [
    'client-cert',
    'client-cert-chain',
    'client-ip',
    'grpc-timeout',
    'remote-user',
    'true-client-ip',
    'via',
    'x-client-ip',
    'x-http-method',
    'x-http-method-override',
    'x-method-override',
    'x-original-url',
    'x-remote-user',
    'x-rewrite-url',
  ],
  prefixes: ['x-envoy-', 'x-client-cert', 'x-ssl-', 'ssl-client-'],
};
