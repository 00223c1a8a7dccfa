import { Command, Option } from "commander";
import {
  generatePope,
  type PopeStrategy,
  readDataFile,
  readObjectAnnotations,
} from "../eval/index.js";
import { integerAtLeast } from "./options.js";
import { writeWhole } from "./write-whole.js";

interface GenerateFlags {
  readonly strategy: PopeStrategy;
  readonly seed: number;
  readonly images?: number;
  readonly out?: string;
}

/** `groundsight generate-pope`: polling questions from object annotations. */
export function generatePopeCommand(): Command {
  return new Command("generate-pope")
    .description("Build POPE questions from object annotations.")
    .argument("<objects>", "COCO instances JSON, scenes, or {image: [names]}")
    .addOption(
      new Option("--strategy <name>", "how absent objects are chosen")
        .choices(["random", "popular", "adversarial"])
        .default("random"),
    )
    .option("--seed <n>", "fixes the questions", integerAtLeast(0), 0)
    .option("--images <n>", "number of images; all by default", integerAtLeast(1))
    .option("--out <file>", "JSONL file; standard output by default")
    .addHelpText(
      "after",
      "\nExample:\n  $ groundsight generate-pope instances_val2014.json --strategy adversarial --images 500 --out pope.jsonl",
    )
    .action(run);
}

async function run(path: string, flags: GenerateFlags): Promise<void> {
  const rows = generatePope(readObjectAnnotations(await readDataFile(path)), {
    strategy: flags.strategy,
    seed: flags.seed,
    ...(flags.images === undefined ? {} : { images: flags.images }),
  });
  const text = `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`;
  if (flags.out === undefined) process.stdout.write(text);
  else await writeWhole(flags.out, text);
}
