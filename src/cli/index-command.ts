import { Command } from "commander";
import { indexBuildCommand } from "./index-build-command.js";
import { indexSearchCommand } from "./index-search-command.js";

/** `groundsight index`: tuning samples by the likeness of their images. */
export function indexCommand(): Command {
  const command = new Command("index")
    .description("Index the samples that a model was tuned on by the look of their images.")
    .addHelpText(
      "after",
      `
An index tells what a model was shown of similar images: 'diagnose misalignment' asks it whether tuning taught an error.

Examples:
  $ groundsight index build samples.jsonl --images images/ --out samples.index
  $ groundsight index search samples.index photo.jpg --neighbours 5`,
    );
  for (const create of [indexBuildCommand, indexSearchCommand]) {
    command.addCommand(create());
  }
  return command;
}
