import { Command } from "commander";
import { directionsSummary, readDirections, warnOf } from "./directions-file.js";

/** `groundsight steer inspect`: what a directions file holds. */
export function steerInspectCommand(): Command {
  return new Command("inspect")
    .description(
      "Show norms per layer, explained variance, the agreement of halves, and what speaks against the directions.",
    )
    .argument("<file>", "directions file")
    .option("--json", "print JSON")
    .action(async (path: string, { json }: { json?: true }) => {
      const directions = await readDirections(path);
      const { modelHash, facts } = directions;
      const text = json
        ? JSON.stringify({ modelHash, ...facts }, null, 2)
        : directionsSummary(directions);
      process.stdout.write(`${text}\n`);
      warnOf(directions);
    });
}
