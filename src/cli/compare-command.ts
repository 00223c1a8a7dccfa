import { Command } from "commander";
import { type Answer, METHODS } from "../index.js";
import {
  addGenerationOptions,
  type GenerationFlags,
  generationFields,
} from "./generation-options.js";
import {
  addMethodOptions,
  hasDirections,
  type MethodFlags,
  methodsFrom,
  needsFile,
} from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { listOf } from "./options.js";
import { style } from "./style.js";
import { tokenDifferences } from "./token-differences.js";

interface CompareFlags extends ModelFlags, GenerationFlags, MethodFlags {
  readonly methods?: string;
  readonly json?: true;
}

/** `groundsight compare`: the same question under several methods. */
export function compareCommand(): Command {
  const command = new Command("compare")
    .description("Answer one question with several methods, side by side.")
    .argument("<image>", "path or URL")
    .argument("<question>", "what to ask about it")
    .option(
      "--methods <list>",
      "names separated by commas, the first is the reference (default: all methods, vti with --steer)",
    )
    .option("--json", "print one JSON object (docs/command-line.md)");
  addMethodOptions(addGenerationOptions(addModelOptions(command)));
  return command
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight compare photo.jpg "Describe the image."
  $ groundsight compare photo.jpg "Describe the image." --methods regular,vti,vti+vcd --steer directions.safetensors
  $ groundsight compare photo.jpg "Is there a fork?" --methods regular,vcd:noiseStep=500,vcd:noiseStep=900`,
    )
    .action(run);
}

async function run(image: string, question: string, flags: CompareFlags): Promise<void> {
  const everything = Object.keys(METHODS).filter(
    (name) => hasDirections(flags) || !needsFile(name),
  );
  const names = flags.methods === undefined ? everything : listOf(flags.methods);
  const methods = await methodsFrom(names, flags);
  await using model = await loadModel(flags);
  for (const method of methods) await model.prepare(method);
  const request = { image, prompt: question, ...generationFields(flags) };
  // The first answer also pays for warming up, so one token is generated beforehand.
  await model.generate({ ...request, maxTokens: 1 });
  const answers: Answer[] = [];
  for (const method of methods) answers.push(await model.generate({ ...request, method }));
  const rows = answers.map((answer, i) => ({
    name: names[i]!,
    ...answer,
    differs: tokenDifferences(
      answer.tokens.map(({ id }) => id),
      answers[0]!.tokens.map(({ id }) => id),
    ),
    ratio: ratio(answer, answers[0]!),
  }));
  const output = { model: model.info.id, image, question, answers: rows };
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(output, null, 2)}\n`
      : `${question}\n\n${rows.map(show).join("\n")}`,
  );
}

/** Time per token relative to the reference; null when either answer is too short to tell. */
function ratio({ timings }: Answer, reference: Answer): number | null {
  const { msPerToken } = reference.timings;
  return timings.msPerToken === null || msPerToken === null
    ? null
    : timings.msPerToken / msPerToken;
}

interface Row extends Answer {
  /** As asked for. */
  readonly name: string;
  readonly differs: readonly boolean[];
  readonly ratio: number | null;
}

function show(row: Row): string {
  const time =
    row.timings.msPerToken === null
      ? `${row.timings.totalMs.toFixed(0)} ms in all`
      : `${row.timings.msPerToken.toFixed(1)} ms per token${row.ratio === null ? "" : `, x${row.ratio.toFixed(2)}`}`;
  return `${style("bold", row.name)}  ${style("dim", time)}\n  ${markedText(row)}\n`;
}

/** The answer with runs of differing tokens marked: underlined on a terminal, in brackets elsewhere. */
function markedText({ tokens, differs, text }: Row): string {
  if (!differs.includes(true)) return text;
  const isTerminal = style("underline", "") !== "";
  let marked = "";
  for (let start = 0; start < tokens.length; ) {
    let end = start + 1;
    while (end < tokens.length && differs[end] === differs[start]) end++;
    const part = tokens
      .slice(start, end)
      .map((token) => token.text)
      .join("");
    const space = part.slice(0, part.length - part.trimStart().length);
    const word = part.trimStart();
    if (!differs[start]) marked += part;
    else marked += space + (isTerminal ? style("underline", word) : `[${word}]`);
    start = end;
  }
  return marked.trim();
}
