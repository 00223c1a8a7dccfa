import { readFileSync } from "node:fs";
import { Command } from "commander";
import { apc, load, type Method, ModelLoadError, regular, vcd, vdgd } from "../index.js";
import { style } from "./style.js";

/** A question of the demonstration, with its truth. */
interface DemoQuestion {
  readonly image: string;
  readonly file: string;
  readonly question: string;
  readonly truth: string;
  readonly rubric?: readonly string[];
  readonly forbidden?: readonly string[];
}

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

const FOLDER = new URL("../../pocket/demo/", import.meta.url);
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
    const image = new URL(item.image, FOLDER);
    process.stdout.write(
      `${style("bold", item.question)}  ${style("dim", `pocket/demo/${item.image}, truth: ${item.truth}`)}\n`,
    );
    const answers = await model.generateBatch(
      METHODS.map((method) => ({ image, prompt: item.question, method, maxTokens: 24 })),
    );
    for (const { method, text } of answers) {
      const mark = isRight(item, text) ? style("green", "right") : style("red", "wrong");
      process.stdout.write(`  ${method.name.padEnd(8)} ${mark}  ${text}\n`);
    }
    process.stdout.write("\n");
  }
  process.stdout.write(explanation(demo));
}

function readDemo(): Demo {
  try {
    return JSON.parse(readFileSync(new URL("demo.json", FOLDER), "utf8")) as Demo;
  } catch (cause) {
    throw new ModelLoadError(
      "the demonstration's images (pocket/demo) are missing; run it from a complete clone or package",
      { cause },
    );
  }
}

/** Whether the answer says the truth: yes or no, or the right words. */
function isRight({ truth, rubric, forbidden }: DemoQuestion, answer: string): boolean {
  const said = ` ${(answer.toLowerCase().match(/[a-z]+/g) ?? []).join(" ")} `;
  const has = (phrase: string) => said.includes(` ${phrase.toLowerCase()} `);
  if (rubric !== undefined) return rubric.every(has) && !(forbidden ?? []).some(has);
  if (truth === "yes" || truth === "no") return (has("yes") ? "yes" : "no") === truth;
  return has(truth);
}

function explanation({ counts }: Demo): string {
  const lines = Object.entries(counts).flatMap(([file, { questions, mended, spoilt }]) => [
    `  ${file}, ${questions} questions:`,
    ...METHODS.slice(1).map(
      ({ name }) =>
        `    ${name.padEnd(6)} mended ${mended[name] ?? 0}, spoilt ${spoilt[name] ?? 0}`,
    ),
  ]);
  return [
    "How these were chosen (scripts/choose-demo.mjs): in the order of the dev files, the first question that greedy",
    "decoding gets wrong and vcd gets right, the first that vdgd gets right, and at the end the first that vcd spoils.",
    "Against greedy decoding, over the whole dev files (vdgd as it was before: its description behind the image):",
    ...lines,
    "",
  ].join("\n");
}
