// The same, and it may be stored.
import { servePlain } from '../load/plain-origin.ts';

servePlain('max-age=3600');
