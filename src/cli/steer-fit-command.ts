import { Command, Option } from "commander";
import {
  AbortedError,
  type Demonstration,
  encodeDirections,
  type FitOptions,
  fitDirections,
} from "../index.js";
import { directionsSummary } from "./directions-file.js";
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
  readonly maskRatio?: number;
  readonly maskings?: number;
  readonly rank?: number;
  readonly grouping?: "token" | "official";
  readonly seed?: number;
}

/** `groundsight steer fit`: directions from demonstrations. */
export function steerFitCommand(): Command {
  const command = new Command("fit")
    .description("Fit visual and textual directions on demonstrations.")
    .requiredOption("--demos <file>", "JSONL: image, caption, hallucinated, and text (the request)")
    .requiredOption("--images <dir>", "folder of the demonstrations' images")
    .requiredOption("--out <file>", "directions file to write (safetensors)")
    .option("--mask-ratio <x>", "share of image patches hidden (default: 0.9)", numberOption)
    .option("--maskings <n>", "maskings per image (default: 50)", integerAtLeast(1))
    .option("--rank <n>", "principal components added to the mean (default: 1)", integerAtLeast(1))
    .addOption(
      new Option(
        "--grouping <name>",
        "components per token, or as the authors' code (default: token)",
      ).choices(["token", "official"]),
    )
    .option("--seed <n>", "fixes the maskings (default: 0)", integerAtLeast(0));
  return addModelOptions(command).action((flags: FitFlags) =>
    untilStopped((signal) => run(flags, signal)),
  );
}

async function run(flags: FitFlags, signal: AbortSignal): Promise<void> {
  const demonstrations: Demonstration[] = await readDemonstrations(flags.demos, flags.images);
  await using model = await loadModel(flags);
  const { maskRatio, maskings, rank, grouping, seed } = flags;
  const given = Object.entries({ maskRatio, maskings, rank, grouping, seed });
  const options: FitOptions = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const progress = progressLine("demonstrations");
  const directions = await fitDirections(model, demonstrations, {
    ...options,
    signal,
    onProgress: (done, total) => progress.show({ set: "fit", done, total, answered: done }),
  }).finally(progress.end);
  if (signal.aborted) throw new AbortedError("stopped before the directions were written");
  await writeWhole(flags.out, encodeDirections(directions));
  process.stdout.write(`${directionsSummary(directions)}\n${flags.out}\n`);
}
