import { Command } from "commander";
import { assessTrust, explainAnswer, type SignalName, traceHtml } from "../diagnose/index.js";
import {
  askedQuestion,
  QUESTION_USAGE,
  questionArgument,
  questionFields,
} from "./asked-question.js";
import { type BaseFlags, chooseBase } from "./base-option.js";
import { exampleImage } from "./example-image.js";
import { explanationText } from "./explain-output.js";
import { generationFields } from "./generation-options.js";
import { addMapOptions, type MapFlags, withMaps } from "./map-option.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { listOf, numberOption } from "./options.js";
import { VERSION } from "./version.js";
import { writeWhole } from "./write-whole.js";

interface ExplainFlags extends ModelFlags, BaseFlags, MapFlags {
  readonly answer?: string;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly noiseStep?: number;
  readonly beta?: number;
  readonly trust: boolean;
  readonly signals?: string[];
  readonly json?: true;
  readonly out?: string;
  readonly page?: string;
}

/** `groundsight explain`: what speaks for each word of an answer. */
export function explainCommand(): Command {
  const command = new Command("explain")
    .description(
      "Explain an answer word by word: how sure the model was, whether the image or the language speaks for it.",
    )
    .usage(QUESTION_USAGE)
    .addArgument(questionArgument())
    .option("--answer <text>", "the answer to explain (default: what the model answers, greedily)")
    .option("--json", "print the explanation as one JSON object (docs/command-line.md)")
    .option("--out <path>", "write everything, with the image, to a trace file")
    .option("--page <path>", "write everything as a page for the browser, whole in one file")
    .optionsGroup("Evidence:")
    .option(
      "--base <name>",
      "the LLM that the model was tuned from: 'pocket-base', a text model's folder or hub id; 'self' for the model without its image, 'none' (default: the known one, where it is on this machine)",
    )
    .option("--base-dtype <name>", "its precision: fp32, fp16, q8, q4, ... (default: fp32)")
    .option(
      "--noise-step <t>",
      "diffusion step of the noise, 0 to 999 (default: 500)",
      numberOption,
    )
    .option(
      "--beta <x>",
      "share of the best probability that is plausible (default: 0.1)",
      numberOption,
    )
    .option("--no-trust", "do not tell which phrases to doubt")
    .option(
      "--signals <list>",
      "further signals to tell of phrases, such as logitLens,attention",
      listOf,
    )
    .option("--seed <n>", "fixes the noise (default: 0)", numberOption)
    .option("--max-tokens <n>", "most tokens to generate", numberOption);
  return addModelOptions(addMapOptions(command))
    .addHelpText(
      "after",
      () => `
Examples:
  $ groundsight explain ${exampleImage()} "Describe the image."
  $ groundsight explain ${exampleImage()} "What is on the table?" --answer "A fork and a cup."
  $ groundsight explain ${exampleImage()} "Describe the image." --map occlusion
  $ groundsight explain photo.jpg "Describe it." --model ./checkpoint --base ./its-llm --page why.html`,
    )
    .action(run);
}

async function run(args: readonly string[], flags: ExplainFlags): Promise<void> {
  const asked = askedQuestion(args);
  const { answer, noiseStep, beta } = flags;
  // Checked by name.
  const signals = flags.signals as SignalName[] | undefined;
  await using model = await loadModel(flags);
  const { base, notes } = await chooseBase(model, flags, flags);
  await using _base = typeof base === "object" ? base : null;
  const request = {
    ...questionFields(asked),
    ...generationFields(flags),
    ...(answer === undefined ? {} : { answer }),
  };
  const explained = await explainAnswer(model, request, {
    base,
    embedImage: flags.out !== undefined || flags.page !== undefined,
    ...(noiseStep === undefined ? {} : { noiseStep }),
    ...(beta === undefined ? {} : { beta }),
    ...(flags.trust ? { assess: assessTrust(signals === undefined ? {} : { signals }) } : {}),
  });
  const mapped = await withMaps(model, request, explained, flags);
  const explanation = { ...mapped, warnings: [...notes, ...mapped.warnings] };
  const whole = { ...explanation, images: asked.images, version: VERSION };
  if (flags.out !== undefined) await writeWhole(flags.out, `${JSON.stringify(whole)}\n`);
  if (flags.page !== undefined) await writeWhole(flags.page, traceHtml(whole));
  const { image } = explanation;
  const json = { ...whole, image: image && { width: image.width, height: image.height } };
  process.stdout.write(
    flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : explanationText(explanation),
  );
}
