import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatasetError, InvalidArgumentError } from "../../errors.js";
import { benchmarkNamed } from "../benchmarks/registry.js";
import type { SetRequest } from "./plan-run.js";

/** A file of the pocket benchmark with the rule it is scored by. */
export interface PocketSet {
  readonly benchmark: string;
  readonly rule?: string;
  readonly truth?: string;
}

const CAPTIONS: PocketSet = {
  benchmark: "chair",
  rule: "colour-aware",
  truth: "objects_by_image.json",
};
const YES_NO: PocketSet = { benchmark: "amber-discriminative", rule: "first-word" };

/** Sets by name. The first five are run unless others are asked for. */
export const POCKET_SETS: Readonly<Record<string, PocketSet>> = {
  pope_random: { benchmark: "pope" },
  pope_popular: { benchmark: "pope" },
  pope_adversarial: { benchmark: "pope" },
  captions: CAPTIONS,
  colours: { benchmark: "colours" },
  unusual_existence: { benchmark: "pope" },
  attributes: YES_NO,
  relations: YES_NO,
  counts: { benchmark: "counts" },
  reasoning: { benchmark: "rubric" },
  direct: { benchmark: "rubric" },
  ood_pope_random: { benchmark: "pope" },
  ood_pope_popular: { benchmark: "pope" },
  ood_pope_adversarial: { benchmark: "pope" },
  ood_captions: CAPTIONS,
};

/** Sets that are run when none are named. */
export const DEFAULT_POCKET_SETS: readonly string[] = Object.keys(POCKET_SETS).slice(0, 5);

/**
 * The sets of the bundled pocket benchmark.
 *
 * @param split `dev` to choose settings, `test` for figures
 * @throws InvalidArgumentError for an unknown set
 * @throws DatasetError when the sets are not there: they come with the repository, not the npm package
 */
export function pocketSuite(
  split: "dev" | "test",
  names: readonly string[] = DEFAULT_POCKET_SETS,
  limit: number | null = null,
): SetRequest[] {
  const sets = names.map((name) => ({ name, set: pocketSet(name) }));
  const folder = pocketFolder(split);
  return sets.map(({ name, set }) => {
    const benchmark = benchmarkNamed(set.benchmark);
    return {
      benchmark,
      data: join(folder, `${name}.jsonl`),
      truth: set.truth === undefined ? null : join(folder, set.truth),
      images: join(folder, "images"),
      rule: set.rule ?? benchmark.rules[0],
      limit,
    };
  });
}

/**
 * The folder of the bundled pocket benchmark's files.
 *
 * @throws DatasetError when it is not there: it comes with the repository, not the npm package
 */
export function pocketFolder(split: "dev" | "test"): string {
  const folder = join(
    dirname(fileURLToPath(import.meta.url)),
    ...["..", "..", "..", "pocket", "bench", split],
  );
  if (existsSync(folder)) return folder;
  throw new DatasetError(
    `${folder} is missing: the pocket sets come with the repository; clone it, or give --data`,
  );
}

function pocketSet(name: string): PocketSet {
  const set = Object.hasOwn(POCKET_SETS, name) ? POCKET_SETS[name] : undefined;
  if (set !== undefined) return set;
  throw new InvalidArgumentError(
    `sets: received ${name}; expected some of ${Object.keys(POCKET_SETS).join(", ")}`,
  );
}
