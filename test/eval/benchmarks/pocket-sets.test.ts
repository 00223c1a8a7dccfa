import { describe, expect, test } from "vitest";
import { colours } from "../../../src/eval/benchmarks/colours.js";
import { counting } from "../../../src/eval/benchmarks/counting.js";
import { scoreRows } from "./score-rows.js";

describe("colours", () => {
  const banana = (id: number, answer: string) => ({
    question_id: id,
    image: `${id}.png`,
    text: "What colour is the banana?",
    answer,
    usual: "yellow",
    is_usual: answer === "yellow",
    object: "banana",
  });
  const questions = [banana(1, "yellow"), banana(2, "blue"), banana(3, "grey"), banana(4, "red")];
  const answered = (...texts: string[]) => texts.map((text, i) => ({ question_id: i + 1, text }));

  test("hand-worked: one usual right; of three unusual one right, one usual colour, one unread", () => {
    const answers = answered("Yellow.", " Yellow.", "The banana is gray", "No idea");
    const { metrics, unparsed } = scoreRows(colours, questions, answers);
    expect(metrics).toMatchObject({
      accuracy: { value: 0.5 },
      accuracy_usual: { value: 1 },
      accuracy_unusual: { value: 1 / 3 },
      usual_answer_rate: { value: 1 / 3 },
      usual_share_of_errors: { value: 0.5 },
    });
    expect(unparsed).toBe(1);
  });

  test("no error about an unusual colour: its share is undefined", () => {
    const { metrics } = scoreRows(colours, questions, answered("yellow", "blue", "grey", "red"));
    expect(metrics.usual_share_of_errors).toEqual({
      value: null,
      reason: "no wrong answer about an unusual colour",
    });
  });

  test("a thing whose name is a colour", () => {
    const orange = { ...banana(1, "blue"), usual: "orange", object: "orange" };
    const said = (text: string) =>
      scoreRows(colours, [orange], [{ question_id: 1, text }]).scored[0]?.score.extracted;
    expect(said("The orange is blue.")).toBe("blue");
    expect(said("Orange.")).toBe("orange");
    expect(said("The orange is orange.")).toBe("orange");
  });

  test("an unknown colour as label names the row", () => {
    expect(() => scoreRows(colours, [banana(1, "beautiful")], [])).toThrow(
      /questions\.json item 1: unknown label "beautiful"; expected one of red/,
    );
  });
});

describe("counts", () => {
  const questions = ["two", "3", "zero"].map((answer, i) => ({
    question_id: i,
    image: "a.png",
    text: "How many dogs are there?",
    answer,
  }));

  test("words and digits; a missing number is unparsed", () => {
    const answers = ["There are 2.", "Five.", "many"].map((text, id) => ({ id, text }));
    const { metrics, unparsed } = scoreRows(counting, questions, answers);
    expect(metrics.accuracy?.value).toBeCloseTo(1 / 3);
    expect(metrics.mean_absolute_error).toEqual({ value: 1 });
    expect(unparsed).toBe(1);
  });

  test("an unknown label names the row", () => {
    const bad = { question_id: 9, image: "a.png", text: "?", answer: "lots" };
    expect(() => scoreRows(counting, [bad], [])).toThrow(/item 1: unknown label "lots"/);
  });
});
