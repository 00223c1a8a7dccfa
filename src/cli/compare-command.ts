import { Command } from "commander";
import { METHODS, methodNamed } from "../index.js";
import {
  askedQuestion,
  QUESTION_USAGE,
  questionArgument,
  questionFields,
  questionJson,
} from "./asked-question.js";
import { exampleImage } from "./example-image.js";
import {
  addGenerationOptions,
  type GenerationFlags,
  generationFields,
} from "./generation-options.js";
import { type MeasuredAnswer, measureMethods } from "./measure-methods.js";
import {
  addMethodOptions,
  hasFiles,
  type MethodFlags,
  methodsFrom,
  needsFile,
} from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast, listOf } from "./options.js";
import { style } from "./style.js";
import { tokenDifferences } from "./token-differences.js";
import { VERSION } from "./version.js";
import { wrapBehind, wrapText } from "./wrap-text.js";

interface CompareFlags extends ModelFlags, GenerationFlags, MethodFlags {
  readonly methods?: string;
  readonly rounds?: number;
  readonly json?: true;
}

/** `groundsight compare`: the same question under several methods. */
export function compareCommand(): Command {
  const command = new Command("compare")
    .description(
      "Answer one question with several methods, mark what differs, and measure what each costs.",
    )
    .usage(QUESTION_USAGE)
    .addArgument(questionArgument())
    .option(
      "--methods <list>",
      "names separated by commas, the first is the reference (default: all methods, vti with --steer; without an image those that need none)",
    )
    .option(
      "--rounds <n>",
      "how often each answer is measured (default: 3 to 31 times, about five seconds)",
      integerAtLeast(1),
    )
    .option("--json", "print one JSON object (docs/command-line.md)");
  addMethodOptions(addGenerationOptions(addModelOptions(command)));
  return command
    .addHelpText(
      "after",
      () => `
Examples:
  $ groundsight compare ${exampleImage()} "Describe the image."
  $ groundsight compare ${exampleImage()} "Describe the image." --methods regular,vti,vti+vcd --steer directions.safetensors
  $ groundsight compare ${exampleImage()} "Is there a fork?" --methods regular,vcd:noiseStep=500,vcd:noiseStep=900`,
    )
    .action(run);
}

async function run(args: readonly string[], flags: CompareFlags): Promise<void> {
  const asked = askedQuestion(args);
  const everything = Object.keys(METHODS).filter((name) => {
    if (!hasFiles(name, flags)) return false;
    if (needsFile(name)) return true;
    return asked.images.length > 0 || methodNamed(name).needs.image !== true;
  });
  const names = flags.methods === undefined ? everything : listOf(flags.methods);
  const methods = await methodsFrom(names, flags);
  await using model = await loadModel(flags);
  for (const method of methods) await model.prepare(method);
  const request = { ...questionFields(asked), ...generationFields(flags) };
  const { answers, rounds } = await measureMethods(
    model,
    methods.map((method) => ({ ...request, method })),
    { rounds: flags.rounds },
  );
  const rows = answers.map((answer, i) => ({
    name: names[i]!,
    ...answer,
    differs: tokenDifferences(
      answer.tokens.map(({ id }) => id),
      answers[0]!.tokens.map(({ id }) => id),
    ),
  }));
  if (flags.json === true) {
    const described = { hash: await model.hash(), version: VERSION };
    const output = {
      model: model.info.id,
      ...questionJson(asked),
      answers: rows,
      rounds,
      ...described,
    };
    process.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    return;
  }
  const parts = [wrapText(asked.question), ...rows.map(show), legend(rows, rounds)];
  process.stdout.write(`${parts.join("\n\n")}\n`);
}

interface Row extends MeasuredAnswer {
  /** As asked for. */
  readonly name: string;
  readonly differs: readonly boolean[];
}

function show(row: Row): string {
  const { msPerToken, totalMs } = row.timings;
  const ratio = row.ratio === null ? "" : `, x${row.ratio.toFixed(2)}`;
  const time =
    msPerToken === null
      ? `${totalMs.toFixed(0)} ms in all`
      : `${msPerToken.toFixed(1)} ms per token${ratio}`;
  const head = `${style("bold", row.name)}  ${style("dim", time)}`;
  return `${wrapText(head, "  ")}\n${wrapBehind("  ", markedText(row))}`;
}

/** What the times are, and what was paid only once. */
function legend(rows: readonly Row[], rounds: number): string {
  const [{ first }] = rows as [Row];
  const times = rounds === 1 ? "one round" : `medians of ${rounds} rounds`;
  const text = `Times: ${times} after warming up, image and prompt in the cache. Before that, once: image ${first.imageMs.toFixed(0)} ms, prompt ${first.prefillMs.toFixed(0)} ms.`;
  const isRelative = rows.slice(1).some(({ ratio }) => ratio !== null);
  const ratios = `x: time per token relative to ${rows[0]!.name}, the median of each round's own ratio; it need not be the quotient of the times shown.`;
  return style("dim", wrapText(isRelative ? `${text} ${ratios}` : text));
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
