import { dirname, join } from "node:path";
import { type Command, Option } from "commander";
import {
  DEFAULT_POCKET_SETS,
  type HeldOut,
  pocketSuite,
  type SetRequest,
  type SplitPart,
} from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { BENCHMARK_ARGUMENT, benchmarkFrom, isModule } from "./benchmark-argument.js";
import { integerAtLeast, numberOption } from "./options.js";

/** Values of the options that say what is asked. */
export interface SetFlags {
  readonly data?: string[];
  readonly truth?: string;
  readonly images?: string;
  readonly sets?: string;
  readonly rule?: string;
  readonly limit?: number;
  readonly promptVariant?: string;
  readonly splitSeed: number;
  readonly devShare: number;
}

/** What `<benchmark>` may be. */
export const BENCHMARK_NAMES: string = `pocket, ${BENCHMARK_ARGUMENT}`;

/** Adds the options that say which questions are asked. */
export function addSetOptions(command: Command): Command {
  return command
    .option("--data <file...>", "question files in the published format")
    .option("--truth <file>", "truth, where the format keeps it apart from the questions")
    .option("--images <folder>", "folder of the images; 'images' beside the data by default")
    .option("--sets <list>", `pocket sets (default: ${DEFAULT_POCKET_SETS.join(",")})`)
    .option("--rule <name>", "a scoring rule; the authors' one by default")
    .option("--limit <n>", "ask only about the first n images of each file", integerAtLeast(1))
    .option("--prompt-variant <list>", "prompts of a benchmark that has several, a set for each")
    .addOption(
      new Option("--split-seed <n>", "which images of a published file are its dev part")
        .argParser(integerAtLeast(0))
        .default(0),
    )
    .option("--dev-share <x>", "share of the images in the dev part", numberOption, 0.2);
}

/**
 * The sets that are asked for.
 *
 * @param part of the pocket sets, test where it is undefined, or of the questions of published files, all of them then
 * @param heldOut images of which settings were tuned
 * @throws InvalidArgumentError for options that do not belong together
 */
export async function requestedSets(
  name: string,
  flags: SetFlags,
  part: SplitPart["part"] | undefined,
  heldOut?: HeldOut,
): Promise<SetRequest[]> {
  const limit = flags.limit ?? null;
  if (name === "pocket") {
    if ([flags.data, flags.rule, flags.promptVariant].some((flag) => flag !== undefined)) {
      throw new InvalidArgumentError(
        "pocket has its own data, rules and prompts; leave out --data, --rule, --prompt-variant",
      );
    }
    return pocketSuite(part ?? "test", flags.sets?.split(","), limit);
  }
  const benchmark = await benchmarkFrom(name);
  if (flags.data === undefined) {
    throw new InvalidArgumentError(`${name}: give the questions with --data`);
  }
  const { splitSeed: seed, devShare: share } = flags;
  const variants = flags.promptVariant?.split(",") ?? [undefined];
  return flags.data.flatMap((data) =>
    variants.map((promptVariant) => ({
      benchmark,
      ...(isModule(name) ? { module: name } : {}),
      data,
      truth: flags.truth ?? null,
      images: flags.images ?? join(dirname(data), "images"),
      rule: flags.rule ?? benchmark.rules[0],
      limit,
      ...(promptVariant === undefined ? {} : { promptVariant }),
      split: part === undefined ? undefined : { part, seed, share },
      heldOut,
    })),
  );
}
