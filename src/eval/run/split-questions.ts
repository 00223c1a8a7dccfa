import { InvalidArgumentError } from "../../errors.js";
import type { Question } from "../contract/benchmark.js";
import { sha256 } from "../data/sha-256.js";
import type { DevSplit, SplitPart } from "../store/tuned.js";

/**
 * The questions of one part. Images are cut, not questions: an image falls to the dev part where the hash of seed and
 * name is among the lowest `share` of all hashes, so that it does in every file that asks about it. Questions that
 * belong together (one cluster) or share an image, directly or by way of others, stay together, where one of their first
 * images falls.
 *
 * @throws InvalidArgumentError for a seed that is no integer from 0 on, or a share that is not between 0 and 1
 */
export function splitQuestions(
  questions: readonly Question[],
  { part, ...split }: SplitPart,
): Question[] {
  requireSplit(split);
  const firstOf = firstImages(questions);
  return questions.filter((question) => partOf(firstOf(question), split) === part);
}

/** What a question is about: its image, or itself where it has none. */
export function imageOf({ image, id }: Pick<Question, "image" | "id">): string {
  return image ?? `question ${id}`;
}

/**
 * Whether a question is about one of the images. A name is also the end of a longer one, behind a slash: how much of
 * its folder stands before it depends on the file (MME's categories one by one, or all in a folder).
 */
export function isAbout(
  images: Iterable<string>,
): (question: Pick<Question, "image" | "id">) => boolean {
  const names = new Set(images);
  const ends = new Set([...names].flatMap(endsOf));
  return (question) => {
    const name = imageOf(question);
    return ends.has(name) || endsOf(name).some((end) => names.has(end));
  };
}

/** `a/b/c.png`, `b/c.png` and `c.png`. */
function endsOf(name: string): string[] {
  const parts = name.split("/");
  return parts.map((_, i) => parts.slice(i).join("/"));
}

/** Of each question the image whose part it falls to, the same for all that hang together with it. */
function firstImages(questions: readonly Question[]): (question: Question) => string {
  const before = new Map<string, string>();
  const first = (image: string): string => {
    let found = image;
    for (let next = before.get(found); next !== undefined; next = before.get(found)) found = next;
    if (found !== image) before.set(image, found);
    return found;
  };
  const ofCluster = new Map<string, string>();
  for (const question of questions) {
    const own = first(imageOf(question));
    const cluster = first(ofCluster.get(question.cluster) ?? own);
    ofCluster.set(question.cluster, cluster);
    if (own !== cluster) before.set(own, cluster);
  }
  return (question) => first(imageOf(question));
}

/** Bits of the hash that are compared with the share. */
const BITS = 48;

function partOf(image: string, { seed, share }: DevSplit): SplitPart["part"] {
  const hash = Number.parseInt(sha256(`${seed}\n${image}`).slice(0, BITS / 4), 16);
  return hash < share * 2 ** BITS ? "dev" : "test";
}

function requireSplit({ seed, share }: DevSplit): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new InvalidArgumentError(
      `split seed: received ${seed}; expected an integer of at least 0`,
    );
  }
  if (share > 0 && share < 1) return;
  throw new InvalidArgumentError(`dev share: received ${share}; expected a number between 0 and 1`);
}
