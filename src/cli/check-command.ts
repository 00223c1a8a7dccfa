import { Command } from "commander";
import {
  type CaptionCheck,
  type CheckOptions,
  checkCaption,
  readCalibration,
  type SignalName,
} from "../diagnose/index.js";
import { InvalidArgumentError, loadTextModel } from "../index.js";
import { checkText } from "./check-output.js";
import { exampleImage } from "./example-image.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { listOf, numberOption } from "./options.js";
import { untilStopped } from "./stop-signal.js";
import { VERSION } from "./version.js";

interface CheckFlags extends ModelFlags {
  readonly question?: string;
  readonly phrases?: string[];
  readonly calibration?: string;
  readonly signals?: string[];
  readonly wording?: string;
  readonly base?: string;
  readonly seed?: number;
  readonly json?: true;
}

/** `groundsight check`: which words of a caption to doubt, and why. */
export function checkCommand(): Command {
  const command = new Command("check")
    .description("Say which words of a caption are better not shown, and why.")
    .argument("<image>", "path, URL or data URL of the image")
    .argument("[caption]", "the caption; standard input where it is left out")
    .option("--question <text>", "what the caption answers (default: Describe the image.)")
    .option(
      "--phrases <list>",
      "phrases to check, separated by commas (default: the objects that CHAIR's rule finds)",
      listOf,
    )
    .option(
      "--calibration <file>",
      "how signals are combined, as 'diagnose trust --fit' writes it; 'none' to ask the model back alone (default: that of the package, where it has one for the model)",
    )
    .option(
      "--signals <list>",
      "further signals to tell, such as entropy,logitLens,attention",
      listOf,
    )
    .option("--wording <text>", "how the model is asked back, with {object} in its place")
    .option("--base <name>", "the base LLM, for base ranks: 'pocket-base', a folder or a hub id")
    .option("--seed <n>", "fixes the noise on the image (default: 0)", numberOption)
    .option("--json", "print the check as one JSON object (docs/command-line.md)");
  return addModelOptions(command)
    .addHelpText(
      "after",
      () => `
Examples:
  $ groundsight check ${exampleImage()} "A dog sits beside a fork."
  $ groundsight ask ${exampleImage()} "Describe the image." | groundsight check ${exampleImage()}
  $ groundsight check photo.jpg "A red kite." --phrases "red kite" --json`,
    )
    .action(run);
}

async function run(image: string, given: string | undefined, flags: CheckFlags): Promise<void> {
  const caption = given ?? (await standardInput());
  const { question, phrases, signals, wording, seed, base: baseName } = flags;
  const calibration = await calibrationOf(flags);
  const options: CheckOptions = {
    ...(question === undefined ? {} : { question }),
    ...(phrases === undefined ? {} : { phrases }),
    // Checked with the rest, by name.
    ...(signals === undefined ? {} : { signals: signals as SignalName[] }),
    ...(wording === undefined ? {} : { wording }),
    ...(seed === undefined ? {} : { seed }),
    ...(calibration === undefined ? {} : { calibration }),
  };
  await using model = await loadModel(flags);
  const { threads, offline } = flags;
  const loading = {
    ...(threads === undefined ? {} : { threads }),
    ...(offline === undefined ? {} : { offline }),
  };
  await using base = baseName === undefined ? null : await loadTextModel(baseName, loading);
  const check = await untilStopped((signal) =>
    checkCaption(model, image, caption, { ...options, base, signal }),
  );
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(whole(check, image), null, 2)}\n`
      : `${checkText(check)}\n`,
  );
}

function whole(check: CaptionCheck, image: string): object {
  return { ...check, image, version: VERSION };
}

async function calibrationOf({
  calibration,
}: CheckFlags): Promise<CheckOptions["calibration"] | undefined> {
  if (calibration === undefined) return undefined;
  return calibration === "none" ? null : readCalibration(calibration);
}

/** @throws InvalidArgumentError where a person would be waited for */
async function standardInput(): Promise<string> {
  if (process.stdin.isTTY === true) {
    throw new InvalidArgumentError(
      "caption: missing; give it behind the image, in quotes, or on standard input",
    );
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
