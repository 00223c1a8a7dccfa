import { readFileSync } from "node:fs";
import { Command } from "commander";
import { apc, load, type Method, ModelLoadError, regular, vcd, vdgd } from "../index.js";
import { type DemoQuestion, isRight, NOISE_DRAWS, ROBUST_DRAWS } from "./demo-question.js";
import { DEMO_FOLDER, pathFromHere } from "./example-image.js";
import { style } from "./style.js";
import { columnsOf, wrapBehind, wrapText } from "./wrap-text.js";

interface Counts {
  readonly questions: number;
  readonly mended: Readonly<Record<string, number>>;
  readonly spoilt: Readonly<Record<string, number>>;
}

interface Demo {
  /** Per file of the dev set: questions, and how many each method mended or spoilt. */
  readonly counts: Readonly<Record<string, Counts>>;
  readonly questions: readonly DemoQuestion[];
}

const METHODS: readonly Method[] = [regular(), apc(), vcd(), vdgd()];

/** `groundsight demo`: the pocket model on bundled images, where the methods differ. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Show the bundled model on bundled images: where methods help, and where one harms.",
    )
    .action(run);
}

async function run(): Promise<void> {
  const demo = readDemo();
  await using model = await load("pocket");
  for (const item of demo.questions) {
    const image = new URL(item.image, DEMO_FOLDER);
    process.stdout.write(`${wrapText(demoHeading(item, image), "  ")}\n`);
    const answers = await model.generateBatch(
      METHODS.map((method) => ({ image, prompt: item.question, method, maxTokens: 24 })),
    );
    for (const { method, text } of answers) {
      const mark = isRight(item, text) ? style("green", "right") : style("red", "wrong");
      process.stdout.write(`${wrapBehind(`  ${method.name.padEnd(8)} ${mark}  `, text)}\n`);
    }
    process.stdout.write("\n");
  }
  process.stdout.write(explanation(demo));
}

/** The question, and the image by a path that can be given to `ask` as it stands. */
export function demoHeading(
  { question, truth, holds }: Pick<DemoQuestion, "question" | "truth" | "holds">,
  image: URL,
): string {
  const draws = holds === undefined ? "" : `; holds in ${holds} of ${NOISE_DRAWS} noise draws`;
  const facts = `${pathFromHere(image)}, truth: ${truth.replace(/\.$/, "")}${draws}`;
  return `${style("bold", question)}  ${style("dim", facts)}`;
}

function readDemo(): Demo {
  try {
    return JSON.parse(readFileSync(new URL("demo.json", DEMO_FOLDER), "utf8")) as Demo;
  } catch (cause) {
    throw new ModelLoadError(
      "the demonstration's images (pocket/demo) are missing; run it from a complete clone or package",
      { cause },
    );
  }
}

function explanation({ counts, questions }: Demo): string {
  const lines = Object.entries(counts).flatMap(([file, { questions, mended, spoilt }]) => [
    wrapText(`  ${file}, ${questions} questions:`, "    "),
    ...METHODS.slice(1).map(({ name }) =>
      wrapBehind(
        `    ${name.padEnd(6)} `,
        `mended ${mended[name] ?? 0}, spoilt ${spoilt[name] ?? 0}`,
      ),
    ),
  ]);
  const isCounted = questions.every(({ holds }) => holds !== undefined);
  const robust = isCounted
    ? `; only what holds in ${ROBUST_DRAWS} of ${NOISE_DRAWS} draws of vcd's noise or more`
    : ", all with one draw of vcd's noise, of which another may tell otherwise";
  const chosen = wrapText(
    `How these were chosen (scripts/choose-demo.mjs in the repository): in the order of the dev files, the first question that greedy decoding gets wrong and vcd gets right, the first that vdgd gets right, and at the end the first that vcd spoils, or else vdgd${robust}. Against greedy decoding, over the whole dev files, with one draw:`,
    "",
    Math.min(columnsOf(), 110),
  );
  return [chosen, ...lines, ""].join("\n");
}
