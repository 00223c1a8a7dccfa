import { describe, expect, test } from "vitest";
import { demoHeading } from "../../src/cli/demo-command.js";
import { chooseExamples, isRight } from "../../src/cli/demo-question.js";

const candidate = (name: string, file: string, regular: boolean, vcd: boolean, vdgd: boolean) => ({
  name,
  file,
  right: { regular, vcd, vdgd },
});

describe("chooseExamples", () => {
  const candidates = [
    candidate("lucky", "a", false, true, false),
    candidate("robust", "a", false, true, true),
    candidate("described", "a", false, false, true),
    candidate("spoilt by luck", "a", true, false, true),
    candidate("late", "b", false, true, false),
    candidate("spoilt", "b", true, false, true),
  ];

  test("passes over what holds in fewer than 24 of 30 draws, takes each once, and ends with what vcd spoils", async () => {
    const draws: Record<string, number> = { lucky: 6, robust: 24, "spoilt by luck": 23 };
    const tried: string[] = [];
    const chosen = await chooseExamples(candidates, async ({ name }) => {
      tried.push(name);
      return draws[name] ?? 30;
    });
    expect(chosen.map(({ name, holds }) => [name, holds])).toEqual([
      ["robust", 24],
      ["described", 30],
      ["late", 30],
      ["spoilt", 30],
    ]);
    expect(new Set(tried).size).toBe(tried.length);
  });

  test("ends with what vdgd spoils where vcd spoils nothing robustly", async () => {
    const spoilt = [
      candidate("spoilt by luck", "a", true, false, true),
      candidate("spoilt by vdgd", "a", true, true, false),
    ];
    const chosen = await chooseExamples(spoilt, async ({ name }) =>
      name === "spoilt by luck" ? 23 : 30,
    );
    expect(chosen.map(({ name }) => name)).toEqual(["spoilt by vdgd"]);
  });

  test("shows nothing rather than what is not robust", async () => {
    expect(await chooseExamples(candidates, async () => 23)).toEqual([]);
  });
});

test("an answer is right by its yes or no, its word, or its rubric", () => {
  expect(isRight({ truth: "yes" }, "Yes, there is.")).toBe(true);
  expect(isRight({ truth: "no" }, "There is none.")).toBe(true);
  expect(isRight({ truth: "red" }, "It is reddish.")).toBe(false);
  const rubric = { truth: "You can carry it.", rubric: ["carry it"], forbidden: ["eat it"] };
  expect(isRight(rubric, "You can carry it.")).toBe(true);
  expect(isRight(rubric, "You can carry it and eat it.")).toBe(false);
});

test("a heading says that an example holds, and the truth without a full stop before more", () => {
  const asked = { question: "Is it unusual?", truth: "Yes, it is red." };
  const image = new URL("../../pocket/bench/dev/images/dev_000008.png", import.meta.url);
  expect(demoHeading({ ...asked, holds: 30 }, image)).toMatch(
    /^Is it unusual\? {2}\S+\.png, truth: Yes, it is red; holds in 30 of 30 noise draws$/,
  );
  expect(demoHeading(asked, image)).toMatch(/truth: Yes, it is red$/);
});
