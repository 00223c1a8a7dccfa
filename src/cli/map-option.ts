import { type Command, InvalidArgumentError as CommandError, Option } from "commander";
import { addMaps, type ExplainRequest, type Explanation } from "../diagnose/index.js";
import { InvalidArgumentError, type Model } from "../index.js";

/** What the options for maps give. */
export interface MapFlags {
  readonly map: "occlusion" | "attention" | "none";
  readonly cells?: number;
  readonly mapTokens: "object" | "all";
}

/** Adds the options for maps. */
export function addMapOptions(command: Command): Command {
  return command
    .optionsGroup("Where in the picture:")
    .addOption(
      new Option(
        "--map <how>",
        "map where words have their support: what they need, or where the model looks",
      )
        .choices(["occlusion", "attention", "none"])
        .default("none"),
    )
    .option("--cells <n>", "of occlusion: cells along the longer side (default: 8)", cellCount)
    .addOption(
      new Option("--map-tokens <which>", "of which tokens")
        .choices(["object", "all"])
        .default("object"),
    );
}

function cellCount(text: string): number {
  const cells = Number(text);
  if (Number.isInteger(cells) && cells >= 1 && cells <= 64) return cells;
  throw new CommandError("expected a whole number from 1 to 64");
}

/** The explanation with the maps that were asked for. */
export async function withMaps(
  model: Model,
  request: ExplainRequest,
  explanation: Explanation,
  { map, cells, mapTokens }: MapFlags,
): Promise<Explanation> {
  if (cells !== undefined && map !== "occlusion") {
    throw new InvalidArgumentError(
      `--cells: ${map === "none" ? "there is no map" : "a map of attention has the cells of the image's features"}; use it with --map occlusion`,
    );
  }
  if (map === "none") return explanation;
  return addMaps(model, request, explanation, {
    how: map,
    of: mapTokens === "all" ? "all" : "objects",
    ...(cells === undefined ? {} : { cells }),
  });
}
