import { Command } from "commander";
import { z } from "zod";
import {
  type DemonstrationKind,
  type DemonstrationRow,
  makeDemonstrations,
  type TrueCaption,
} from "../diagnose/index.js";
import { parseRows, readDataFile, readObjectAnnotations, readShaped } from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { integerAtLeast } from "./options.js";
import { wrapText } from "./wrap-text.js";
import { writeWhole } from "./write-whole.js";

interface PairsFlags {
  readonly out: string;
  readonly controls?: string;
  readonly objects?: string;
  readonly kinds?: ("inserted" | "replaced")[];
  readonly partners?: number;
  readonly limit?: number;
  readonly seed?: number;
}

const KINDS = ["inserted", "replaced"] as const;

const text = z.string().min(1);
/** The caption by any of its names; of `caption`, `reference` and `text`, the first that is there. */
const SCHEMA = z
  .object({
    image: text,
    caption: text.optional(),
    reference: text.optional(),
    text: text.optional(),
    prompt: text.optional(),
  })
  .transform(({ image, caption, reference, text, prompt }, context): TrueCaption => {
    const found = caption ?? reference ?? text;
    if (found === undefined) {
      context.addIssue({ code: "custom", message: "expected caption, reference or text" });
      return z.NEVER;
    }
    const asked = found === text ? prompt : (prompt ?? text);
    return { image, caption: found, ...(asked === undefined ? {} : { prompt: asked }) };
  });

/** `groundsight steer pairs`: demonstrations made of true captions. */
export function steerPairsCommand(): Command {
  return new Command("pairs")
    .description("Make demonstrations for 'steer fit' of true captions and what occurs together.")
    .argument("<captions>", "JSONL: image, and caption (or reference, or text)")
    .requiredOption("--out <file>", "JSONL to write: image, text, caption, hallucinated, kind")
    .option("--controls <file>", "JSONL of controls to write: a true thing left out and put back")
    .option(
      "--objects <file>",
      "all objects of each image: {image: [names]}, scenes, or COCO instances (default: those its captions name)",
    )
    .option(
      "--kinds <names...>",
      "an absent object put in at the end, or in the place of a thing (default: inserted replaced)",
    )
    .option(
      "--partners <n>",
      "draw from so many that occur most often with what is there (default: 3)",
      integerAtLeast(1),
    )
    .option("--limit <n>", "only the first captions", integerAtLeast(1))
    .option("--seed <n>", "fixes what is drawn (default: 0)", integerAtLeast(0))
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight steer pairs captions.jsonl --objects objects_by_image.json --out pairs.jsonl --controls controls.jsonl
  $ groundsight steer fit --demos pairs.jsonl --controls controls.jsonl --images images/ --out directions.safetensors`,
    )
    .action(run);
}

async function run(file: string, flags: PairsFlags): Promise<void> {
  const { out, controls, objects, kinds = KINDS, limit, partners, seed } = flags;
  for (const kind of kinds) {
    if (KINDS.includes(kind)) continue;
    throw new InvalidArgumentError(`--kinds: received ${kind}; expected ${KINDS.join(" or ")}`);
  }
  const data = await readDataFile(file);
  const captions = readShaped(parseRows(data.text, data.name), SCHEMA);
  const made = makeDemonstrations(
    captions.slice(0, limit).map(({ value }) => value),
    {
      kinds: [...kinds, ...(controls === undefined ? [] : (["dropped"] as const))],
      ...(objects === undefined
        ? {}
        : { objects: readObjectAnnotations(await readDataFile(objects)) }),
      ...(partners === undefined ? {} : { partners }),
      ...(seed === undefined ? {} : { seed }),
    },
  );
  const of = (...wanted: readonly DemonstrationKind[]) =>
    made.rows.filter(({ kind }) => wanted.includes(kind));
  await writeWhole(out, linesOf(of(...kinds)));
  if (controls !== undefined) await writeWhole(controls, linesOf(of("dropped")));
  for (const kind of [...kinds, ...(controls === undefined ? [] : (["dropped"] as const))]) {
    const skipped = made.skipped[kind] === 0 ? "" : `, ${made.skipped[kind]} captions without one`;
    process.stderr.write(`${wrapText(`${kind}: ${of(kind).length} pairs${skipped}`, "  ")}\n`);
  }
  process.stdout.write(`${out}\n${controls === undefined ? "" : `${controls}\n`}`);
}

function linesOf(rows: readonly DemonstrationRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
