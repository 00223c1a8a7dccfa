import { Command } from "commander";
import { directionsSummary, readDirections } from "./directions-file.js";

/** `groundsight steer inspect`: what a directions file holds. */
export function steerInspectCommand(): Command {
  return new Command("inspect")
    .description("Show norms per layer, explained variance and the agreement of halves.")
    .argument("<file>", "directions file")
    .option("--json", "print JSON")
    .action(async (path: string, { json }: { json?: true }) => {
      const directions = await readDirections(path);
      const { modelHash, facts } = directions;
      const text = json
        ? JSON.stringify({ modelHash, ...facts }, null, 2)
        : directionsSummary(directions);
      process.stdout.write(`${text}\n`);
    });
}
