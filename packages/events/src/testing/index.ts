// given.ts  one command at a time   command-sequence.ts  many, and what holds after each
export { commandSequence, type CommandSequenceOptions } from './command-sequence.ts';
export { given, type Given, type Outcome, type When } from './given.ts';
