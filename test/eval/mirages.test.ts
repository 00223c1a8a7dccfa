import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/eval/report/run-analysis.js";
import { captionRun, yesNoRun } from "./simulated-methods.js";

/** How many simulated experiments; more by MIRAGES=200, to measure how often a name is wrong. */
const EXPERIMENTS = Number(process.env.MIRAGES ?? 4);

const kinds = (findings: readonly Finding[] = []) => findings.map(({ kind }) => kind);
const ACCUSATIONS: readonly string[] = ["inactive", "yes-shift", "no-shift", "shorter", "cooler"];
const accusations = (findings: readonly Finding[] = []) =>
  kinds(findings).filter((kind) => ACCUSATIONS.includes(kind));

describe.each(Array.from({ length: EXPERIMENTS }, (_, seed) => seed))("experiment %s", (seed) => {
  test("yes or no: a shift, a lower temperature and a better method are told apart", () => {
    const found = yesNoRun(seed);
    const told = (key: string) => accusations(found.get(key));
    expect.soft(told("greedy shift")).toEqual(["yes-shift"]);
    expect.soft(told("greedy cooler")).toEqual(["inactive"]);
    expect.soft(told("greedy apc")).toEqual(["inactive"]);
    expect.soft(told("sampling shift")).toEqual(["yes-shift"]);
    expect.soft(told("sampling cooler")).toEqual(["cooler"]);
    for (const decoding of ["greedy", "sampling"]) {
      expect.soft(kinds(found.get(`${decoding} better`))).toEqual(["beats-controls"]);
      expect.soft(kinds(found.get(`${decoding} shift`))).not.toContain("beats-controls");
    }
    expect.soft(kinds(found.get("sampling cooler"))).not.toContain("beats-controls");
  });

  test("captions: a cut, a lower temperature and a better method are told apart", () => {
    const found = captionRun(seed);
    const told = (key: string) => accusations(found.get(key));
    expect.soft(told("greedy short")).toEqual(["shorter"]);
    expect.soft(told("greedy cooler")).toEqual(["inactive"]);
    expect.soft(told("greedy apc")).toEqual(["inactive"]);
    expect.soft(told("sampling short")).toEqual(["shorter"]);
    expect.soft(told("sampling cooler")).toEqual(["cooler"]);
    for (const decoding of ["greedy", "sampling"]) {
      expect.soft(kinds(found.get(`${decoding} better`))).toEqual(["beats-controls"]);
      expect.soft(kinds(found.get(`${decoding} short`))).not.toContain("beats-controls");
    }
    expect.soft(kinds(found.get("sampling cooler"))).not.toContain("beats-controls");
  });
});
