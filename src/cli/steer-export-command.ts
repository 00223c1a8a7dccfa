import { Command, Option } from "commander";
import { controlVectorGguf } from "../index.js";
import { readDirections } from "./directions-file.js";
import { writeWhole } from "./write-whole.js";

/** `groundsight steer export`: the textual direction for other programs. */
export function steerExportCommand(): Command {
  return new Command("export")
    .description("Write the textual direction as a llama.cpp control vector.")
    .argument("<file>", "directions file")
    .addOption(new Option("--format <name>", "file format").choices(["gguf"]).default("gguf"))
    .requiredOption("--out <file>", "file to write")
    .option("--model-hint <name>", "architecture the vector is for", "llama")
    .addHelpText(
      "after",
      `
llama.cpp adds the vector, times its --control-vector-scaled factor, to the residual stream behind each layer but the
first; it does not keep lengths as steering here does, so strengths do not carry over.`,
    )
    .action(async (path: string, { out, modelHint }: { out: string; modelHint: string }) => {
      await writeWhole(out, controlVectorGguf(await readDirections(path), modelHint));
      process.stdout.write(`${out}\n`);
    });
}
