/** The indices of items with equal keys, in order, by key. */
export function membersBy<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): Map<Key, number[]> {
  const members = new Map<Key, number[]>();
  items.forEach((item, i) => {
    const key = keyOf(item);
    const known = members.get(key);
    if (known === undefined) members.set(key, [i]);
    else known.push(i);
  });
  return members;
}
