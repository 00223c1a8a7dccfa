import { Command } from "commander";
import { listModels } from "../index.js";
import { wrapText } from "./wrap-text.js";

/** `groundsight models`: what can be loaded without a network. */
export function modelsCommand(): Command {
  return new Command("models")
    .description("List the models on this machine.")
    .option("--json", "print JSON (docs/command-line.md)")
    .action(async ({ json }: { json?: true }) => {
      const models = await listModels();
      if (json === true) {
        process.stdout.write(`${JSON.stringify(models, null, 2)}\n`);
        return;
      }
      for (const { name, source, dtypes, folder } of models) {
        const precisions = dtypes.join(", ") || "no complete precision";
        process.stdout.write(
          `${wrapText(`${name}  (${source}; ${precisions})  ${folder}`, "  ")}\n`,
        );
      }
      process.stdout.write(
        `\n${wrapText("Any folder laid out for transformers.js, or a hub id, can be given as --model too; so can the folder of an adapter that names its base.")}\n`,
      );
    });
}
