import { Command } from "commander";
import { type Answer, type GenerateRequest, type Model, methodText } from "../index.js";
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
import {
  addMethodOptions,
  hasDirections,
  type MethodFlags,
  methodsFrom,
} from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { numberOption } from "./options.js";
import { style } from "./style.js";
import { VERSION } from "./version.js";
import { columnsOf, WordWrap, wrapText } from "./wrap-text.js";

interface AskFlags extends ModelFlags, GenerationFlags, MethodFlags {
  readonly method: string;
  readonly logprobs?: number | true;
  readonly json?: true;
}

/** `groundsight ask`: one question, about no image, one or several. */
export function askCommand(): Command {
  const command = new Command("ask")
    .description("Ask a question about an image, about several, or about none.")
    .usage(QUESTION_USAGE)
    .addArgument(questionArgument())
    .option("--method <name>", "how tokens are chosen", "regular")
    .option("--logprobs [n]", "show each token's log-probability, and n alternatives", numberOption)
    .option("--json", "print the answer as one JSON object (docs/command-line.md)");
  addMethodOptions(addGenerationOptions(addModelOptions(command)));
  return command
    .addHelpText(
      "after",
      () => `
Examples:
  $ groundsight ask ${exampleImage()} "Is there a dog in the image?"
  $ groundsight ask one.png two.png "What differs?" --model ./checkpoint
  $ groundsight ask "Name a colour."
  $ groundsight ask ${exampleImage()} "Describe the image." --method vcd --alpha 1 --beta 0.1 --noise-step 500
  $ groundsight ask ${exampleImage()} "What colour is the car?" --temperature 1 --seed 7 --logprobs 5 --json`,
    )
    .action(run);
}

async function run(args: readonly string[], flags: AskFlags): Promise<void> {
  const asked = askedQuestion(args);
  // Directions steer whatever method is asked for.
  const isSteered = /\bvti\b/.test(flags.method) || !hasDirections(flags);
  const [method] = await methodsFrom([isSteered ? flags.method : `vti+${flags.method}`], flags);
  const topLogprobs = typeof flags.logprobs === "number" ? { topLogprobs: flags.logprobs } : {};
  const request = {
    ...questionFields(asked),
    method: method!,
    ...topLogprobs,
    ...generationFields(flags),
  };
  await using model = await loadModel(flags);
  if (flags.json === true) {
    const answer = await model.generate(request);
    const described = { hash: await model.hash(), version: VERSION };
    const output = { model: model.info.id, ...questionJson(asked), ...answer, ...described };
    process.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    return;
  }
  const answer = await showStream(model, request);
  if (flags.logprobs !== undefined) process.stdout.write(`\n${logprobTable(answer)}\n`);
  const summed = style("dim", summary(answer), process.stderr);
  process.stderr.write(`${wrapText(summed, "  ", columnsOf(process.stderr))}\n`);
}

/** Prints the answer as it comes, without white space at its ends. */
async function showStream(model: Model, request: GenerateRequest): Promise<Answer> {
  const stream = model.stream(request);
  const wrap = new WordWrap();
  let shown = "";
  for await (const { text } of stream) {
    const whole = (shown + text).trimStart();
    process.stdout.write(wrap.push(whole.slice(shown.length)));
    shown = whole;
  }
  process.stdout.write(`${wrap.end()}\n`);
  return stream.answer;
}

function summary({ method, usage, timings, finishReason }: Answer): string {
  const perToken =
    timings.msPerToken === null ? "" : `, ${timings.msPerToken.toFixed(1)} ms per token`;
  const cut = finishReason === "length" ? ", cut at the limit of tokens" : "";
  return `${shortMethodText(method)}: ${usage.generatedTokens} ${usage.generatedTokens === 1 ? "token" : "tokens"} in ${timings.totalMs.toFixed(0)} ms${perToken}${cut}`;
}

/** A method in a line: directions, which are named by a SHA-256, by its beginning. */
function shortMethodText(method: Answer["method"]): string {
  return methodText(method).replace(/(?<==)([0-9a-f]{4})[0-9a-f]{17}\.\.\./g, "$1...");
}

function logprobTable({ tokens }: Answer): string {
  const shown = (text: string, logprob: number | null) =>
    `${JSON.stringify(text)} ${logprob === null ? "none" : logprob.toFixed(3)}`;
  return tokens
    .map(({ text, logprob, top }) => {
      const others =
        top === undefined
          ? ""
          : `   ${top.map((token) => shown(token.text, token.logprob)).join("  ")}`;
      return `${shown(text, logprob).padEnd(24)}${others}`;
    })
    .join("\n");
}
