import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { dashB } from "../../../src/eval/benchmarks/dash-b.js";
import { haloQuest, mathVision, mathVista } from "../../../src/eval/benchmarks/question-answer.js";
import type { Benchmark, Question } from "../../../src/eval/contract/benchmark.js";
import { readDataFile } from "../../../src/eval/data/read-data-file.js";
import { scoreFile } from "../../../src/eval/scoring/score-answers.js";

const at = (path: string) => fileURLToPath(new URL(`../../../../field/${path}`, import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(at(path), "utf8"));
const questionsOf = async (benchmark: Benchmark, path: string): Promise<Question[]> =>
  benchmark.load({ data: null, truth: await readDataFile(at(path)) });

/** @see https://github.com/YanNeu/DASH-B output/Paligemma-3b_dash_b_results.json */
describe.skipIf(!existsSync(at("dash-b")))("DASH-B (needs ../field/dash-b)", () => {
  test("2,682 answers of PaliGemma, matched by order, have the published figures", async () => {
    const rows = ["neg", "pos"].flatMap((kind) => {
      const sets: Record<string, Record<string, string[]>> = json(
        `dash-b/dash_benchmark_${kind}.json`,
      );
      return Object.entries(sets).flatMap(([dataset, objects]) =>
        Object.entries(objects).flatMap(([object, images]) =>
          images.map((image) => ({
            image_path: `images/${kind}/${dataset}/${object}/${image}`,
            object,
            question: `Can you see a ${object} in this image? Please answer only with yes or no.`,
            answer: kind === "pos" ? "yes" : "no",
          })),
        ),
      );
    });
    const text = rows.map((row, id) => JSON.stringify({ question_id: id, ...row })).join("\n");
    const questions = dashB.load({ data: null, truth: { name: "dash-b", text } });
    const [score] = await scoreFile(dashB, questions, at("dash-b/Paligemma-3b_answers.json"));
    const values = Object.values(score!.metrics).map(({ value }) => value);
    expect(values).toEqual([
      0.5637583892617449, 0.2639821029082774, 0.8635346756152126, 0.40435353858172646,
    ]);
  });
});

/** @see https://github.com/lupantech/MathVista results */
describe.skipIf(!existsSync(at("mathvista")))("MathVista (needs ../field/mathvista)", () => {
  test.each([
    ["output_bard", 445],
    ["output_llava_llama_2_13b", 445],
    ["output_idefics_9b_instruct", 452],
    ["output_instruct_blip2_vicuna_13b", 452],
  ])(
    "%s: exact match and the authors' extraction by GPT-4 agree on %i of 460 open questions",
    async (name, agreed) => {
      const judged: Record<
        string,
        { response: string; true_false: boolean; question_type: string }
      > = json(`mathvista/${name}.json`);
      const questions = await questionsOf(mathVista, "mathvista/testmini.json");
      const agree = questions.filter(({ id, score }) => {
        const { response, true_false, question_type } = judged[id]!;
        const right = score(response, { rule: "exact", verdict: null }).outcome === "right";
        return question_type === "free_form" && right === true_false;
      });
      expect(agree).toHaveLength(agreed);
      const [score] = await scoreFile(mathVista, questions, at(`mathvista/${name}.json`));
      expect(score).toMatchObject({ n: 1000, leftOut: { withoutAnswer: 0, withoutQuestion: 0 } });
    },
  );
});

test.skipIf(!existsSync(at("math-vision")))(
  "MATH-Vision (needs ../field/math-vision)",
  async () => {
    const questions = await questionsOf(mathVision, "math-vision/test.jsonl");
    expect(questions).toHaveLength(3040);
    expect(new Set(questions.map(({ group }) => group)).size).toBe(16);
    // A truth is right by its own words, whatever kind it is of.
    const truths = questions.map(({ truth, score }) =>
      score(truth, { rule: "exact", verdict: null }),
    );
    expect(truths.filter(({ outcome }) => outcome !== "right")).toEqual([]);
  },
);

test.skipIf(!existsSync(at("haloquest")))("HaloQuest (needs ../field/haloquest)", async () => {
  const questions = await questionsOf(haloQuest, "haloquest/haloquest-eval.csv");
  const groups = questions.map(({ group }) => group);
  const count = (name: string) => groups.filter((group) => group === name).length;
  expect(["false premises", "visual challenge", "insufficient context"].map(count)).toEqual([
    304, 183, 121,
  ]);
});

test.skipIf(!existsSync(at("vdgd")))(
  "VDGD's files, with answers in another (needs ../field/vdgd)",
  async () => {
    for (const [name, rows] of [
      ["mathvista_openqa", 1000],
      ["mmmu_openended", 598],
    ] as const) {
      const data = await readDataFile(at(`vdgd/${name}.jsonl`));
      const answers = Array.from({ length: rows }, (_, id) => JSON.stringify({ id, answer: "1" }));
      const truth = { name: "truth.jsonl", text: answers.join("\n") };
      const questions = mathVista.load({ data, truth });
      expect(questions).toHaveLength(rows);
      expect(questions.filter(({ prompt }) => prompt.includes("<image>"))).toEqual([]);
    }
  },
);
