import { InvalidArgumentError } from "../../errors.js";
import type { Question } from "../contract/benchmark.js";
import { sha256 } from "../data/sha-256.js";
import type { DevSplit, SplitPart } from "../store/tuned.js";

/**
 * The questions of one part. Images are cut, not questions: an image falls to the dev part where the hash of seed and
 * name is among the lowest `share` of all hashes, so that it does in every file that asks about it. Questions that
 * belong together (one cluster) stay together, where the image of the first of them falls.
 *
 * @throws InvalidArgumentError for a seed that is no integer from 0 on, or a share that is not between 0 and 1
 */
export function splitQuestions(
  questions: readonly Question[],
  { part, ...split }: SplitPart,
): Question[] {
  requireSplit(split);
  const first = new Map<string, string>();
  for (const question of questions) {
    if (!first.has(question.cluster)) first.set(question.cluster, imageOf(question));
  }
  return questions.filter(({ cluster }) => partOf(first.get(cluster)!, split) === part);
}

/** What a question is about: its image, or itself where it has none. */
export function imageOf({ image, id }: Pick<Question, "image" | "id">): string {
  return image ?? `question ${id}`;
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
