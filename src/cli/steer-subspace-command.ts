import { Command, Option } from "commander";
import {
  AbortedError,
  encodeDirections,
  fitSubspace,
  type Pooling,
  type SubspaceOptions,
} from "../index.js";
import { directionsSummary } from "./directions-file.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast } from "./options.js";
import { progressLine } from "./progress-line.js";
import { readDemonstrations } from "./read-demonstrations.js";
import { untilStopped } from "./stop-signal.js";
import { writeWhole } from "./write-whole.js";

interface SubspaceFlags extends ModelFlags {
  readonly demos: string;
  readonly images: string;
  readonly out: string;
  readonly rank?: number;
  readonly pooling?: Pooling;
}

/** `groundsight steer subspace`: what the method nullu projects out, from demonstrations. */
export function steerSubspaceCommand(): Command {
  const command = new Command("subspace")
    .description("Fit what hallucinated captions span, for the method nullu, on demonstrations.")
    .requiredOption("--demos <file>", "JSONL: image, caption, hallucinated, and text (the request)")
    .requiredOption("--images <dir>", "folder of the demonstrations' images")
    .requiredOption("--out <file>", "directions file to write (safetensors)")
    .option("--rank <n>", "vectors of each layer (default: 8)", integerAtLeast(1))
    .addOption(
      new Option(
        "--pooling <name>",
        "states of a caption: the mean over its tokens, or at its last token (default: mean)",
      ).choices(["mean", "last"]),
    );
  return addModelOptions(command).action(run);
}

async function run(flags: SubspaceFlags): Promise<void> {
  const demonstrations = await readDemonstrations(flags.demos, flags.images);
  await using model = await loadModel(flags);
  const { rank, pooling } = flags;
  const options: SubspaceOptions = {
    ...(rank === undefined ? {} : { rank }),
    ...(pooling === undefined ? {} : { pooling }),
  };
  const progress = progressLine("demonstrations");
  const directions = await untilStopped(async (signal) => {
    const fitted = await fitSubspace(model, demonstrations, {
      ...options,
      signal,
      onProgress: (done, total) => progress.show({ set: "fit", done, total, answered: done }),
    });
    if (signal.aborted) throw new AbortedError("stopped before the subspace was written");
    return fitted;
  }).finally(progress.end);
  await writeWhole(flags.out, encodeDirections(directions));
  process.stdout.write(`${directionsSummary(directions)}\n${flags.out}\n`);
}
