import { describe, expect, test } from "vitest";
import { hallusionBench } from "../../../src/eval/benchmarks/hallusionbench.js";
import { mmhal, ratingOf } from "../../../src/eval/benchmarks/mmhal.js";
import { rubric } from "../../../src/eval/benchmarks/rubric.js";
import { scoreRows } from "./score-rows.js";

describe("MMHal-Bench", () => {
  test.each([
    ["Sound. Rating: 4", 4],
    ["rating: 0", 0],
    ["Rating: 4 ... Rating: 2", null],
    ["Rating: 4, I repeat, rating: 4", 4],
    ["It is a 4.", null],
    ["Rating: 7", null],
    ["", null],
  ])("%j is %j", (verdict, rating) => {
    expect(ratingOf(verdict)).toBe(rating);
  });

  const questions = [1, 2, 3, 4].map((i) => ({
    question_type: i < 3 ? "attribute" : "counting",
    image_src: `https://example.org/${i}.jpg`,
    question: "What colour is it?",
    gt_answer: "Red.",
    image_content: ["car"],
  }));
  const verdicts = ["Rating: 6", "Rating: 3", "Rating: 2", "No rating here"];
  const answers = verdicts.map((verdict, i) => ({ id: i + 1, model_answer: "Red", verdict }));

  test("an unreadable verdict is 0 by the authors' script, and shown apart", () => {
    const { metrics, unparsed } = scoreRows(mmhal, questions, answers);
    expect(metrics.average_score).toEqual({ value: 11 / 4 });
    expect(metrics.hallucination_rate).toEqual({ value: 0.5 });
    expect(unparsed).toBe(1);
  });

  test("rated-only leaves it out", () => {
    const { metrics } = scoreRows(mmhal, questions, answers, "rated-only");
    expect(metrics.average_score).toEqual({ value: 11 / 3 });
    expect(metrics.hallucination_rate?.value).toBeCloseTo(1 / 3);
  });

  test("a published answer file: the image's id, or the order, tells the question", () => {
    const published = questions.map((q, i) => ({
      ...q,
      image_id: `image ${i}`,
      model_answer: "Red",
    }));
    const judged = published.map((row, i) => ({ ...row, verdict: `Rating: ${i}` })).reverse();
    const { scored } = scoreRows(mmhal, published, judged);
    expect(scored.map(({ score }) => score.extracted)).toEqual(["3", "2", "1", "0"]);
    const inOrder = verdicts.map((verdict) => ({ model_answer: "Red", verdict }));
    expect(scoreRows(mmhal, questions, inOrder).n).toBe(4);
  });

  test("an answer nobody judged is not scored", () => {
    const unjudged = answers.map(({ id, model_answer }) => ({ id, model_answer }));
    const { metrics, counts } = scoreRows(mmhal, questions, unjudged);
    expect(metrics.average_score).toEqual({ value: null, reason: "no answer was rated" });
    expect(counts.unjudged).toBe(4);
  });

  test("the judge is told question, content, reference and answer", () => {
    const data = { name: "q.json", text: JSON.stringify(questions) };
    const prompt =
      mmhal.load({ data, truth: null })[0]?.judgeTask?.("It is blue.", "mmhal").prompt ?? "";
    for (const part of ["What colour is it?", "car", "Red.", "It is blue."]) {
      expect(prompt).toContain(part);
    }
  });
});

describe("HallusionBench", () => {
  const row = (category: string, figure: number, question: number, answer: number) => ({
    category,
    subcategory: "chart",
    set_id: "0",
    figure_id: String(figure),
    question_id: String(question),
    visual_input: figure === 0 && category === "VS" ? "0" : "1",
    question: "Is A larger than B?",
    gt_answer: String(answer),
  });
  // One VD set: two questions about the original and about one edited figure.
  const set = [row("VD", 0, 0, 1), row("VD", 0, 1, 0), row("VD", 1, 0, 0), row("VD", 1, 1, 1)];
  const idOf = (r: (typeof set)[number]) =>
    [r.category, r.subcategory, r.set_id, r.figure_id, r.question_id].join("_");
  const judged = (rows: typeof set, verdicts: readonly string[]) =>
    rows.map((r, i) => ({
      id: idOf(r),
      model_prediction: "",
      gpt4v_output_gpt_check: verdicts[i],
    }));

  test("worked example: 3 of 4 right; one of two figures; one of two question pairs", () => {
    const { metrics } = scoreRows(hallusionBench, set, judged(set, ["1", "1", "0", "1"]));
    expect(metrics).toMatchObject({
      accuracy: { value: 75 },
      figure_accuracy: { value: 50 },
      question_pair_accuracy: { value: 50 },
      easy_accuracy: { value: 100 },
      hard_accuracy: { value: 50 },
    });
  });

  test("words of a judge: incorrect is looked for before correct", () => {
    const { counts } = scoreRows(
      hallusionBench,
      set,
      judged(set, ["Incorrect.", "correct", "I am not sure", "CORRECT"]),
    );
    expect(counts).toMatchObject({ correct: 2, unparsed: 1 });
  });

  test("VS without a figure: unclear is right, and it is no figure", () => {
    const vs = [row("VS", 0, 0, 1), row("VS", 1, 0, 1)];
    const { counts, metrics } = scoreRows(hallusionBench, vs, judged(vs, ["2", "2"]));
    expect(counts).toMatchObject({ asked: 2, correct: 1, figures: 1, figuresCorrect: 0 });
    expect(metrics.question_pair_accuracy).toEqual({ value: 0 });
  });

  test("yes-no needs no judge", () => {
    const answers = ["Yes", "No.", "Yes", "yes it is"].map((text, i) => ({
      id: idOf(set[i]!),
      text,
    }));
    const { metrics } = scoreRows(hallusionBench, set, answers, "yes-no");
    expect(metrics.accuracy).toEqual({ value: 75 });
  });

  test("the image lies where the published folder has it", () => {
    const data = { name: "q.json", text: JSON.stringify([...set, row("VS", 0, 0, 1)]) };
    const questions = hallusionBench.load({ data, truth: null });
    expect(questions[2]?.image).toBe("VD/chart/0_1.png");
    expect(questions[4]?.image).toBeNull();
  });
});

describe("rubric", () => {
  const questions = [
    {
      question_id: 1,
      image: "a.png",
      text: "What can you do with the object on the left?",
      answer: "eat it",
      rubric: ["eat"],
    },
    {
      question_id: 2,
      image: "b.png",
      text: "Is it alive?",
      answer: "no",
      rubric: ["no"],
      forbidden: ["yes", "alive"],
    },
  ];

  test.each([
    ["You can EAT it.", "No.", 1],
    ["eat", "Nothing is.", 0.5],
    ["heat it", "no, it is alive", 0],
    ["", "Yes and no", 0],
  ])("keywords as whole words, in any case: %j and %j score %d", (first, second, accuracy) => {
    const answers = [first, second].map((text, i) => ({ id: i + 1, text }));
    const { metrics } = scoreRows(rubric, questions, answers);
    expect(metrics.accuracy).toEqual({ value: accuracy });
    expect(metrics.average_score?.value).toBeNull();
  });

  test("a judge's grade, also inside a code fence; a broken one is not scored", () => {
    const verdicts = ['```json\n{"score": 4, "reason": "fine"}\n```', '{"score": "good"}'];
    const { metrics, unparsed } = scoreRows(
      rubric,
      questions,
      verdicts.map((verdict, i) => ({ id: i + 1, text: "x", verdict })),
      "judge",
    );
    expect(metrics).toMatchObject({ accuracy: { value: 1 }, average_score: { value: 4 } });
    expect(unparsed).toBe(1);
  });
});
