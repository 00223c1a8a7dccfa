import { Command, Option } from "commander";
import {
  AbortedError,
  type Demonstration,
  type Estimator,
  encodeDirections,
  type FitOptions,
  type FittedParts,
  fitDirections,
  type Pooling,
} from "../index.js";
import { directionsSummary, warnOf } from "./directions-file.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast, numberOption } from "./options.js";
import { progressLine } from "./progress-line.js";
import { readDemonstrations } from "./read-demonstrations.js";
import { untilStopped } from "./stop-signal.js";
import { writeWhole } from "./write-whole.js";

interface FitFlags extends ModelFlags {
  readonly demos: string;
  readonly images: string;
  readonly out: string;
  readonly parts?: FittedParts;
  readonly maskRatio?: number;
  readonly maskings?: number;
  readonly rank?: number;
  readonly grouping?: "token" | "official";
  readonly estimator?: Estimator;
  readonly pooling?: Pooling;
  readonly controls?: string;
  readonly seed?: number;
}

/** `groundsight steer fit`: directions from demonstrations. */
export function steerFitCommand(): Command {
  const command = new Command("fit")
    .description("Fit visual and textual directions on demonstrations.")
    .requiredOption("--demos <file>", "JSONL: image, caption, hallucinated, and text (the request)")
    .requiredOption("--images <dir>", "folder of the demonstrations' images")
    .requiredOption("--out <file>", "directions file to write (safetensors)")
    .option("--controls <file>", "as --demos, but both captions true, the shorter one first")
    .addOption(
      new Option("--parts <name>", "directions of both graphs, or of the text alone").choices([
        "both",
        "text",
      ]),
    )
    .option("--mask-ratio <x>", "share of image patches hidden (default: 0.9)", numberOption)
    .option("--maskings <n>", "maskings per image (default: 50)", integerAtLeast(1))
    .option("--rank <n>", "principal components added to the mean (default: 1)", integerAtLeast(1))
    .addOption(
      new Option(
        "--grouping <name>",
        "components per token, or as the authors' code (default: token)",
      ).choices(["token", "official"]),
    )
    .addOption(
      new Option(
        "--estimator <name>",
        "how differences become a direction: the authors' mean and components, their mean, or the mean of unit differences (default: component)",
      ).choices(["component", "mean", "unit-mean"]),
    )
    .addOption(
      new Option(
        "--pooling <name>",
        "states of a caption: at its last token, or the mean over its tokens (default: last)",
      ).choices(["last", "mean"]),
    )
    .option("--seed <n>", "fixes the maskings (default: 0)", integerAtLeast(0));
  return addModelOptions(command).action(run);
}

async function run(flags: FitFlags): Promise<void> {
  const demonstrations: Demonstration[] = await readDemonstrations(flags.demos, flags.images);
  const controls =
    flags.controls === undefined
      ? undefined
      : await readDemonstrations(flags.controls, flags.images);
  await using model = await loadModel(flags);
  const { parts, maskRatio, maskings, rank, grouping, estimator, pooling, seed } = flags;
  const named = { parts, maskRatio, maskings, rank, grouping, estimator, pooling, controls, seed };
  const given = Object.entries(named);
  const options: FitOptions = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const progress = progressLine("demonstrations");
  const directions = await untilStopped(async (signal) => {
    const fitted = await fitDirections(model, demonstrations, {
      ...options,
      signal,
      onProgress: (done, total) => progress.show({ set: "fit", done, total, answered: done }),
    });
    if (signal.aborted) throw new AbortedError("stopped before the directions were written");
    return fitted;
  }).finally(progress.end);
  await writeWhole(flags.out, encodeDirections(directions));
  // The path stays the last line, on a terminal too, which shows standard error between the lines of standard output.
  process.stdout.write(`${directionsSummary(directions)}\n`);
  warnOf(directions);
  process.stdout.write(`${flags.out}\n`);
}
