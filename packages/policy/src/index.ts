export { POLICY_ERRORS } from './errors.ts';
