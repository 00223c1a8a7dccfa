import { join } from "node:path";
import { Command } from "commander";
import { REPORT_FILES, rebuildReport } from "../eval/index.js";
import { addPriceOptions, type EndpointFlags, pricesFrom } from "./endpoint-options.js";
import { addJudgeOptions, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { addBenchmarkOption, runBenchmarks } from "./run-benchmarks.js";
import { untilStopped } from "./stop-signal.js";
import { wrapText } from "./wrap-text.js";

interface ReportFlags extends JudgeFlags, Pick<EndpointFlags, "priceIn" | "priceOut"> {
  readonly benchmark?: string[];
  readonly data?: string[];
  readonly truth?: string;
  readonly images?: string;
}

/** `groundsight report`: writes a run's report anew. */
export function reportCommand(): Command {
  const command = new Command("report")
    .description("Write the report of a run anew from its stored answers, without a model.")
    .argument("<run>", "folder of the run")
    .option("--data <file...>", "question files, in the order of the run's sets")
    .option("--truth <file>", "truth, where the format keeps it apart from the questions")
    .option("--images <folder>", "folder of the images");
  addPriceOptions(command);
  return addBenchmarkOption(addJudgeOptions(command))
    .addHelpText(
      "after",
      `
Files are looked for where the run found them, unless options name them. Without images there are no pictures.

Examples:
  $ groundsight report runs/pocket
  $ groundsight report runs/pope --data coco_pope_random.json --images val2014
  $ groundsight report runs/mine --benchmark ./my-benchmark.mjs`,
    )
    .action(run);
}

async function run(folder: string, flags: ReportFlags): Promise<void> {
  const benchmarks = await runBenchmarks(flags.benchmark ?? [], [folder]);
  await untilStopped((signal) =>
    rebuildReport(folder, {
      benchmarks,
      data: flags.data,
      truth: flags.truth,
      images: flags.images,
      judge: judgeFrom(flags, join(folder, "verdicts.jsonl")),
      prices: pricesFrom(flags),
      signal,
    }),
  );
  process.stdout.write(`${wrapText(`report: ${join(folder, REPORT_FILES.html)}`, "  ")}\n`);
}
