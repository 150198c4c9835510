/** One turn of the real event loop: every promise that can settle without time passing has settled after it. */
export function realTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
