import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyseYesNo } from "./yes-no-sets.js";

const row = (tp = 0, fp = 0, tn = 0, fn = 0) => ({ tp, fp, tn, fn });

describe("transitions from regular", () => {
  test("hand-worked: a method that says yes to all gains as much as it loses", () => {
    // truth    y y y y n n n n
    // regular  y y n n n n n y: TP 2, FN 2, TN 3, FP 1
    const { transitions } = analyseYesNo("yyyynnnn", [
      { method: "regular", answers: "yynnnnny" },
      { method: "yes", answers: "yyyyyyyy" },
    ]);
    expect(transitions).toHaveLength(1);
    const [yes] = transitions;
    expect(yes).toMatchObject({ method: "yes", reference: "regular", decoding: "greedy" });
    expect(yes?.table).toEqual({ tp: row(2), fp: row(0, 1), tn: row(0, 3), fn: row(2) });
    expect(yes?.unread).toBe(0);
    // Two FN became TP, three TN became FP: McNemar's mid-p of 2 against 3 is
    // 2 (1 + 5 + 10 / 2) / 32 = 0.6875.
    expect(yes?.right).toMatchObject({ gained: 2, lost: 3, test: "McNemar (mid-p)" });
    expect(yes?.right.difference).toBeCloseTo(-1 / 8, 12);
    expect(yes?.right.pValue).toBeCloseTo(0.6875, 12);
    // Five answers turned to yes, none to no: 2 (1 / 2) / 32, but they are about three images: at least 1 / 2^3.
    expect(yes?.yes).toMatchObject({ gained: 5, lost: 0 });
    expect(yes?.yes.pValue).toBe(1 / 8);
    expect(yes?.yes.difference).toBeCloseTo(5 / 8, 12);
  });

  test("an answer that was not read is in no cell", () => {
    const [vcd] = analyseYesNo("yyn", [
      { method: "regular", answers: "y?n" },
      { method: "vcd", answers: "?yn" },
    ]).transitions;
    expect(vcd?.unread).toBe(2);
    expect(vcd?.table).toEqual({ tp: row(), fp: row(), tn: row(0, 0, 1), fn: row() });
  });

  test("seeds are pooled, each beside regular's answers under the same seed", () => {
    const given = [
      { method: "regular", seed: 0, answers: "yn" },
      { method: "regular", seed: 1, answers: "nn" },
      { method: "vcd", seed: 1, answers: "yn" },
      { method: "vcd", seed: 0, answers: "yn" },
    ];
    const [vcd] = analyseYesNo("yn", given).transitions;
    expect(vcd?.table).toEqual({ tp: row(1), fp: row(), tn: row(0, 0, 2), fn: row(1) });
    expect(vcd?.right).toMatchObject({ gained: 1, lost: 0, test: "paired bootstrap" });
  });

  test("every draw of a greedy method stands beside regular's only answer", () => {
    const [vcd] = analyseYesNo("yn", [
      { method: "regular", answers: "nn" },
      { method: "vcd", answers: "yn" },
      { method: "vcd", answers: "yy" },
    ]).transitions;
    expect(vcd?.table).toEqual({ tp: row(), fp: row(), tn: row(0, 1, 1), fn: row(2) });
    expect(vcd?.right.test).toBe("paired bootstrap");
  });

  test("Holm: the correction is over the methods", () => {
    const truths = "n".repeat(20);
    const given = [
      { method: "regular", answers: "y".repeat(8).padEnd(20, "n") },
      { method: "a", answers: truths },
      { method: "b", answers: truths },
    ];
    const [a] = analyseYesNo(truths, given).transitions;
    expect(a?.right.adjustedPValue).toBeCloseTo(2 * (a?.right.pValue ?? 0), 12);
    expect(analyseYesNo(truths, given.slice(0, 2)).transitions[0]?.right.adjustedPValue).toBe(
      a?.right.pValue,
    );
  });

  test("there are none without regular", () => {
    expect(analyseYesNo("yn", [{ method: "vcd", answers: "yn" }]).transitions).toEqual([]);
  });
});

describe("of any answers", () => {
  const answers = (length: number) =>
    fc.array(fc.constantFrom("y", "n", "?"), { minLength: length, maxLength: length });
  const set = fc
    .integer({ min: 1, max: 12 })
    .chain((n) =>
      fc.tuple(
        fc.array(fc.constantFrom("y", "n"), { minLength: n, maxLength: n }),
        answers(n),
        answers(n),
      ),
    );

  test("pairs and unread add up; what is gained and lost agrees with the metrics", () => {
    fc.assert(
      fc.property(set, ([truths, before, after]) => {
        const { transitions, questions } = analyseYesNo(truths.join(""), [
          { method: "regular", answers: before.join("") },
          { method: "vcd", answers: after.join("") },
        ]);
        const [vcd] = transitions;
        const read = before.filter((one, i) => one !== "?" && after[i] !== "?").length;
        if (vcd === undefined) {
          expect(read).toBe(0);
          return;
        }
        const cells = Object.values(vcd.table).flatMap((to) => Object.values(to));
        expect(cells.reduce((sum, one) => sum + one, 0)).toBe(read);
        expect(read + vcd.unread).toBe(questions);
        for (const shift of [vcd.right, vcd.yes]) {
          expect(shift.difference).toBeCloseTo((shift.gained - shift.lost) / read, 10);
          expect(shift.interval!.low).toBeGreaterThanOrEqual(-1);
          expect(shift.interval!.high).toBeLessThanOrEqual(1);
          expect(shift.adjustedPValue).toBeGreaterThanOrEqual(shift.pValue);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("tables, ratios and McNemar do not depend on the order of questions", () => {
    fc.assert(
      fc.property(set, ([truths, before, after]) => {
        const analysed = (order: (letters: readonly string[]) => string) => {
          // One about each image: which questions share an image counts.
          const given = [
            { method: "regular", answers: order(before) },
            { method: "vcd", answers: order(after) },
          ];
          const { transitions, behaviour } = analyseYesNo(order(truths), given, 1);
          return {
            tables: transitions.map(({ table, right, yes }) => [table, right.pValue, yes.pValue]),
            values: behaviour.map(({ figures }) =>
              Object.values(figures).map(({ value }) => value),
            ),
          };
        };
        const forward = analysed((letters) => letters.join(""));
        expect(analysed((letters) => letters.toReversed().join(""))).toEqual(forward);
      }),
      { numRuns: 8 },
    );
  });
});
