const READ_BYTES = 64 * 1024;
const SHARED = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * What a socket reads into: one buffer for all of them, since a read is begun, ended and heard of without anything in between. Not so on
 * Windows, where the system is given the memory before there is anything to read: there each has its own.
 */
export function readBuffer(): Buffer {
  return SHARED ?? Buffer.allocUnsafeSlow(READ_BYTES);
}
