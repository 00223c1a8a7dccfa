import { Command } from "commander";
import { exampleImage } from "./example-image.js";
import { steerExportCommand } from "./steer-export-command.js";
import { steerFitCommand } from "./steer-fit-command.js";
import { steerInspectCommand } from "./steer-inspect-command.js";
import { steerPairsCommand } from "./steer-pairs-command.js";
import { steerSubspaceCommand } from "./steer-subspace-command.js";

/** `groundsight steer`: directions for visual and textual intervention (VTI). */
export function steerCommand(): Command {
  const command = new Command("steer")
    .description("Make demonstrations; fit, inspect and export steering directions (VTI).")
    .addHelpText(
      "after",
      () => `
Examples:
  $ groundsight steer fit --demos demos.jsonl --images images/ --out directions.safetensors
  $ groundsight steer inspect directions.safetensors
  $ groundsight ask ${exampleImage()} "Describe the image." --steer directions.safetensors --steer-image 0.4 --steer-text 0.4`,
    );
  for (const create of [
    steerPairsCommand,
    steerFitCommand,
    steerSubspaceCommand,
    steerInspectCommand,
    steerExportCommand,
  ]) {
    command.addCommand(create());
  }
  return command;
}
