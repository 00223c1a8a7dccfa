import { Command } from "commander";
import { buildIndex, readTuningSamples } from "../diagnose/index.js";
import { readDataFile } from "../eval/index.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast } from "./options.js";
import { progressLine } from "./progress-line.js";
import { untilStopped } from "./stop-signal.js";
import { wrapText } from "./wrap-text.js";

interface BuildFlags extends ModelFlags {
  readonly images: string;
  readonly out: string;
  readonly limit?: number;
}

/** `groundsight index build`: an index of tuning samples. */
export function indexBuildCommand(): Command {
  const command = new Command("build")
    .description("Build an index, or go on with one that was stopped.")
    .argument(
      "<samples>",
      "JSONL or JSON: image, and what was said about it (conversations, or prompt, text, caption, questions)",
    )
    .requiredOption("--images <dir>", "folder of the samples' images")
    .requiredOption("--out <file>", "file of the index")
    .option("--limit <n>", "only the first samples", integerAtLeast(1));
  return addModelOptions(command).action(run);
}

async function run(file: string, { images, out, limit, ...flags }: BuildFlags): Promise<void> {
  const samples = readTuningSamples(await readDataFile(file)).slice(0, limit);
  await using model = await loadModel(flags);
  const progress = progressLine("images");
  const built = await untilStopped((signal) =>
    buildIndex(model, samples, {
      path: out,
      images,
      signal,
      onProgress: (done, total) => progress.show({ set: "index", done, total, answered: done }),
    }),
  ).finally(progress.end);
  const failures = Object.entries(built.failures);
  for (const [image, message] of failures.slice(0, 3)) {
    process.stderr.write(`${wrapText(`left out: ${image}: ${message}`, "  ")}\n`);
  }
  const left = failures.length === 0 ? "" : `, ${failures.length} could not be read`;
  process.stderr.write(
    `${wrapText(`${built.images} images of ${samples.length} samples${left}`, "  ")}\n`,
  );
  process.stdout.write(`${out}\n`);
}
