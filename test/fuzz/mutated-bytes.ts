import type { SeededRandom } from "../../src/math/seeded-random.js";

/** Bytes with one to eight changes: others, cut off, taken out, or twice. */
export function mutatedBytes(bytes: Uint8Array, random: SeededRandom): Uint8Array<ArrayBuffer> {
  let changed = Uint8Array.from(bytes);
  for (let i = random.integer(8); i >= 0; i--) {
    const at = random.integer(changed.length || 1);
    const kind = random.integer(12);
    if (kind === 0) changed = changed.slice(0, at);
    else if (kind === 1)
      changed = joined(changed.slice(0, at), changed.slice(at + 1 + random.integer(9)));
    else if (kind === 2) changed = joined(changed, changed.slice(at));
    else if (changed.length > 0) changed[at] = kind < 6 ? 255 : random.integer(256);
  }
  return changed;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
