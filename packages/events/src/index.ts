// decider/     commands to events: deciders, snapshots, upcasters, what a state was
// projection/  events to views, in the same transaction or behind it
// replica/     read copies of what other services publish
// saga/        durable workflows
export { EVENTS_ERRORS } from './errors.ts';
