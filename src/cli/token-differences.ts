/**
 * Marks the items of a sequence that are not part of a longest common subsequence with another.
 *
 * @returns per item of `items`: whether it differs from `reference`
 */
export function tokenDifferences(
  items: readonly number[],
  reference: readonly number[],
): boolean[] {
  // common[i][j]: length of the longest common subsequence of items[i..] and reference[j..]
  const common = Array.from({ length: items.length + 1 }, () =>
    new Array<number>(reference.length + 1).fill(0),
  );
  for (let i = items.length - 1; i >= 0; i--) {
    for (let j = reference.length - 1; j >= 0; j--) {
      common[i]![j] =
        items[i] === reference[j]
          ? common[i + 1]![j + 1]! + 1
          : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const differs = new Array<boolean>(items.length).fill(true);
  for (let i = 0, j = 0; i < items.length && j < reference.length; ) {
    if (items[i] === reference[j]) {
      differs[i] = false;
      i++;
      j++;
    } else if (common[i + 1]![j]! >= common[i]![j + 1]!) i++;
    else j++;
  }
  return differs;
}
