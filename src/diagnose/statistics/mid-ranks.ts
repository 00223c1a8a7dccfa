/** Ranks of some numbers. */
export interface MidRanks {
  /** From 1; equal numbers share the mean of their ranks. */
  readonly ranks: Float64Array;
  /** Sizes of the groups of equal numbers with more than one. */
  readonly ties: readonly number[];
}

/** @param values not touched; NaN is in no order and may not be among them */
export function midRanks(values: readonly number[]): MidRanks {
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  const ties: number[] = [];
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + 1 + to) / 2;
    if (to - from > 1) ties.push(to - from);
    from = to;
  }
  return { ranks, ties };
}
