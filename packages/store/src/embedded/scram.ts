import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { secretBytes } from './secret.ts';

const ITERATIONS = 4_096;

/**
 * The SCRAM-SHA-256 verifier of a password, in the form that PostgreSQL stores (RFC 5802, RFC 7677). Given to the server
 * in place of the password, it keeps that out of statements and logs. Only for ASCII passwords, which SASLprep leaves
 * as they are.
 */
export async function scramVerifier(password: string): Promise<string> {
  const salt = secretBytes(16);
  const salted = await promisify(pbkdf2)(password, salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}
