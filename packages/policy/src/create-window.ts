import { CountWindow } from './count-window.ts';
import type { OutcomeWindow, WindowRule } from './outcome-window.ts';
import { TimeWindow } from './time-window.ts';

/** The window that a rule asks for. */
export function createWindow(rule: WindowRule): OutcomeWindow {
  return rule.kind === 'count' ? new CountWindow(rule.calls) : new TimeWindow(rule.windowMs, rule.buckets);
}
