/** A stretch of text, and whether the other text lacks it. */
export interface Stretch {
  readonly text: string;
  readonly only: boolean;
}

/** Longer texts are not compared word by word: the table would be large. */
const MOST_WORDS = 1500;

/** What a text has that another lacks, by their longest common sequence of words. */
export function stretches(text: string, other: string): Stretch[] {
  const words = text.match(/\S+\s*|\s+/g) ?? [];
  const others = (other.match(/\S+/g) ?? []).map(plain);
  if (words.length > MOST_WORDS || others.length > MOST_WORDS) return [{ text, only: false }];
  const kept = commonPlaces(words.map(plain), others);
  const found: Stretch[] = [];
  for (const [index, word] of words.entries()) {
    const only = !kept.has(index);
    const last = found.at(-1);
    if (last?.only === only) found[found.length - 1] = { text: last.text + word, only };
    else found.push({ text: word, only });
  }
  return found;
}

/** Places of the first text's words in the longest common sequence. */
function commonPlaces(words: readonly string[], others: readonly string[]): Set<number> {
  const width = others.length + 1;
  const lengths = new Uint16Array((words.length + 1) * width);
  for (let i = words.length - 1; i >= 0; i--) {
    for (let j = others.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        words[i] === others[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const kept = new Set<number>();
  for (let i = 0, j = 0; i < words.length && j < others.length; ) {
    if (words[i] === others[j]) {
      kept.add(i);
      i++;
      j++;
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return kept;
}

function plain(word: string): string {
  return word.trim().toLowerCase();
}
