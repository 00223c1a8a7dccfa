/**
 * Indices of the k largest values, best first; of equal values the lower index comes first.
 * NaN and -Infinity are left out, so fewer than k may come back.
 *
 * @param values (V), not modified
 * @param k at least 0
 */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  // A binary heap whose root is the worst of the best k so far.
  const heap: number[] = [];
  const worse = (a: number, b: number) =>
    values[a]! < values[b]! || (values[a] === values[b] && a > b);
  const swap = (i: number, j: number) => {
    const held = heap[i]!;
    heap[i] = heap[j]!;
    heap[j] = held;
  };
  const siftDown = () => {
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && worse(heap[child]!, heap[least]!)) least = child;
      }
      if (least === i) return;
      swap(i, least);
      i = least;
    }
  };
  for (let index = 0; index < values.length; index++) {
    if (!(values[index]! > Number.NEGATIVE_INFINITY)) continue;
    if (heap.length < k) {
      heap.push(index);
      for (let i = heap.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!worse(heap[i]!, heap[parent]!)) break;
        swap(i, parent);
        i = parent;
      }
    } else if (k > 0 && values[index]! > values[heap[0]!]!) {
      heap[0] = index;
      siftDown();
    }
  }
  return heap.sort((a, b) => (worse(a, b) ? 1 : -1));
}
