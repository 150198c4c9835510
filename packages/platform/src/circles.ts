/**
 * The circles in a graph of names: each as the names that reach each other, beginning with the first in the alphabet.
 * (Tarjan, "Depth-first search and linear graph algorithms", 1972: strongly connected components.)
 */
export function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];

  const visit = (name: string): number => {
    const index = order.size;
    order.set(name, index);
    let lowest = index;
    stack.push(name);
    for (const next of edges.get(name) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, order.get(next) ?? lowest);
    }
    if (lowest === index) {
      const component = stack.splice(stack.indexOf(name));
      if (component.length > 1 || edges.get(name)?.includes(name) === true) found.push(component.toSorted());
    }
    return lowest;
  };

  for (const name of [...edges.keys()].toSorted()) if (!order.has(name)) visit(name);
  return found;
}
