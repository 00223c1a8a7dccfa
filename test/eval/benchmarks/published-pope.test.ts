import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { readDataFile } from "../../../src/eval/data/read-data-file.js";
import { scoreFile } from "../../../src/eval/scoring/score-answers.js";
import { fieldLacks, fieldPath, NEEDS_FIELD } from "../field.js";

const shared = new URL("../../../../shared/data/pope/", import.meta.url);

describe.skipIf(!existsSync(shared))("published questions (needs ../shared/data)", () => {
  const files = ["coco", "aokvqa", "gqa"].flatMap((source) =>
    ["random", "popular", "adversarial"].map((kind) => `${source}/${source}_pope_${kind}.json`),
  );

  test.each(files)("%s: 3,000 questions, half of them yes", (file) => {
    const text = readFileSync(new URL(file, shared), "utf8");
    const questions = pope.load({ data: { name: file, text }, truth: null });
    expect(questions).toHaveLength(3000);
    expect(questions.filter(({ truth }) => truth === "yes")).toHaveLength(1500);
  });
});

/**
 * LLaVA-1.5-7B: accuracy in percent with the labels of POPE, then of RePOPE; F1 and yes ratio of greedy answers.
 *
 * @see https://github.com/ustc-hyin/cd_rethink outputs/pope/baseline (Apache-2.0), https://github.com/YanNeu/RePOPE
 */
const PUBLISHED: [string, string, string, string, string?, string?][] = [
  ["random", "greedy", "87.00", "91.9", "85.50", "39.67"],
  ["popular", "greedy", "85.90", "90.2", "84.47", "40.77"],
  ["adversarial", "greedy", "83.33", "88.6", "82.12", "43.20"],
  ["random", "sample", "83.63", "87.9"],
  ["popular", "sample", "81.73", "85.6"],
  ["adversarial", "sample", "79.83", "84.0"],
];

describe.skipIf(fieldLacks("cd_rethink", "repope", "pope"))(
  `published answers, 18,000 of LLaVA-1.5-7B ${NEEDS_FIELD}`,
  () => {
    const scored = async (
      labels: string,
      kind: string,
      decoding: string,
      allowMissing: boolean,
    ) => {
      const truth = await readDataFile(fieldPath(labels));
      const answers = fieldPath(`cd_rethink/llava-7b-coco-${kind}-${decoding}.jsonl`);
      const questions = pope.load({ data: null, truth });
      const [score] = await scoreFile(pope, questions, answers, { allowMissing });
      return score!;
    };
    const percent = (value: number | null | undefined, digits: number) =>
      (100 * (value ?? Number.NaN)).toFixed(digits);

    test.each(PUBLISHED)("%s, %s", async (kind, decoding, accuracy, repope, f1, yesRatio) => {
      const labels = `pope/coco_pope_${kind}.json`;
      const { metrics, leftOut } = await scored(labels, kind, decoding, false);
      expect(percent(metrics.accuracy?.value, 2)).toBe(accuracy);
      if (f1 !== undefined) expect(percent(metrics.f1?.value, 2)).toBe(f1);
      if (yesRatio !== undefined) expect(percent(metrics.yes_ratio?.value, 2)).toBe(yesRatio);
      expect(leftOut).toEqual({ withoutAnswer: 0, withoutQuestion: 0 });

      const relabelled = `repope/coco_repope_${kind}.json`;
      const corrected = await scored(relabelled, kind, decoding, true);
      expect(percent(corrected.metrics.accuracy?.value, 1)).toBe(repope);
      expect(corrected.n + corrected.leftOut.withoutQuestion).toBe(3000);
      expect(corrected.leftOut.withoutAnswer).toBe(0);
      await expect(scored(relabelled, kind, decoding, false)).rejects.toThrow("--partial");
    });
  },
);
