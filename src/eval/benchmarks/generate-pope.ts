import { InvalidArgumentError } from "../../errors.js";
import { SeededRandom } from "../../math/seeded-random.js";
import { countObjects } from "../data/object-counts.js";
import type { ObjectsByImage } from "../data/read-object-annotations.js";

/** How absent objects are chosen. */
export type PopeStrategy = "random" | "popular" | "adversarial";

/** A question in POPE's published format. */
export interface PopeRow {
  readonly question_id: number;
  readonly image: string;
  readonly text: string;
  readonly label: "yes" | "no";
}

/** Settings of {@link generatePope}. */
export interface GeneratePopeOptions {
  readonly strategy: PopeStrategy;
  /** Fixes which images and objects are drawn. */
  readonly seed: number;
  /** Number of images drawn, at least 1; all that have enough objects by default. */
  readonly images?: number;
  /** Present, and as many absent, objects asked about for each image; 3 as in POPE. */
  readonly objectsPerImage?: number;
}

/**
 * Polling questions from object annotations, as POPE builds them: for each image that shows at least
 * `objectsPerImage` objects, that many present objects and as many absent ones, in turn.
 *
 *   random       absent objects are drawn uniformly from all object names
 *   popular      the most frequent objects of the whole set that are absent
 *   adversarial  for each present object, the absent one that most often occurs with it
 *
 * The same images and present objects are used under every strategy of one seed.
 *
 * @throws InvalidArgumentError when no image, or fewer than asked for, shows enough objects, or the set
 *   has too few object names
 * @see Li et al. 2023, arXiv 2305.10355, section 5.1
 */
export function generatePope(annotations: ObjectsByImage, options: GeneratePopeOptions): PopeRow[] {
  const { strategy, seed, objectsPerImage = 3 } = options;
  const eligible = [...annotations].filter(([, names]) => names.length >= objectsPerImage);
  const wanted = options.images ?? eligible.length;
  if (wanted < 1 || eligible.length < wanted) {
    throw new InvalidArgumentError(
      `images: received ${wanted}; ${eligible.length} images show at least ${objectsPerImage} objects`,
    );
  }
  const choose = new SeededRandom(seed, "pope images");
  const negatives = new SeededRandom(seed, `pope ${strategy}`);
  const ranked = rankings(annotations);
  const rows: PopeRow[] = [];
  const add = (image: string, name: string, label: "yes" | "no") =>
    rows.push({ question_id: rows.length + 1, image, text: questionAbout(name), label });
  for (const [image, names] of sample(eligible, wanted, choose)) {
    const absent = new Set(ranked.popular.filter((name) => !names.includes(name)));
    if (absent.size < objectsPerImage) {
      throw new InvalidArgumentError(
        `${image}: ${absent.size} object names of the set are absent; expected ${objectsPerImage}`,
      );
    }
    for (const present of sample(names, objectsPerImage, choose)) {
      const order = strategy === "adversarial" ? ranked.together(present) : ranked.popular;
      const candidates = order.filter((name) => absent.has(name));
      // An object that occurs with nothing absent has no candidate: POPE then draws at random.
      const pool = candidates.length > 0 ? candidates : [...absent];
      const index =
        strategy === "random" || candidates.length === 0 ? negatives.integer(pool.length) : 0;
      const chosen = pool[index] ?? "";
      absent.delete(chosen);
      add(image, present, "yes");
      add(image, chosen, "no");
    }
  }
  return rows;
}

/** POPE's template, with the article that the name needs. */
export function questionAbout(name: string): string {
  return `Is there ${/^[aeiou]/i.test(name) ? "an" : "a"} ${name} in the image?`;
}

/** Object names by frequency, and for one object by how often others occur with it; ties by name. */
function rankings(annotations: ObjectsByImage) {
  const { frequency, together } = countObjects(annotations);
  return {
    popular: byCount(frequency),
    together: (name: string) => byCount(together.get(name) ?? new Map()),
  };
}

function byCount(counts: ReadonlyMap<string, number>): string[] {
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : a > b ? 1 : 0))
    .map(([name]) => name);
}

/** `size` items in random order, without repeats (partial Fisher-Yates). */
function sample<T>(items: readonly T[], size: number, random: SeededRandom): T[] {
  const pool = [...items];
  for (let i = 0; i < size; i++) {
    const j = i + random.integer(pool.length - i);
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.slice(0, size);
}
