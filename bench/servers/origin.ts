// What proxies are measured in front of; nothing of it may be given without asking.
import { servePlain } from '../load/plain-origin.ts';

servePlain('no-cache');
