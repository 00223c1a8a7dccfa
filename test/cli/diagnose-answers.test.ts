/** Analyses of what the pocket model answers, whole, on a few images. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AnalysisResult } from "../../src/diagnose/contract/analysis.js";
import { groundsight } from "./groundsight.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "diagnose-answers-"));
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  {
    name: "noise",
    settings: ["--steps", "2"],
    plots: ["noise-hallucination", "noise-language"],
    // Of three images nothing can be shown.
    finding: /^The paper found that false yes grows between t = 0 and 999; that is not shown here/,
  },
  {
    name: "prior",
    settings: ["--steps", "2"],
    plots: ["prior-co-occurrence", "prior-colour", "prior-frequency"],
    finding: /AUROC .* 0\.\d\d \(.*\) at t = 999: as in the paper at t = 999/,
  },
  {
    name: "consistency",
    settings: [],
    plots: ["consistency"],
    finding: /^As in the papers, answers change in other words: /,
  },
  {
    name: "ood",
    settings: ["--severity", "5"],
    plots: ["ood-images", "ood-tasks", "ood-words"],
    finding: /^style: /,
  },
  {
    name: "forgetting",
    settings: ["--base", "pocket-base"],
    plots: ["forgetting"],
    finding: /tuning costs what the LLM knew in text \(usual colours, n = \d+/,
  },
])(
  "$name",
  async ({ name, settings, plots, finding }) => {
    const out = join(folder, name);
    const few = ["--limit", "3", "--threads", "1", "--json", "--out", out];
    const { stdout, stderr, status } = groundsight("diagnose", name, ...few, ...settings);
    expect(stderr.replaceAll(/^.* steps, .*\n/gm, "")).toBe("");
    expect(status).toBe(0);
    const result: AnalysisResult = JSON.parse(stdout);
    expect(result).toMatchObject({ analysis: name, limit: 3, seed: 0, data: "pocket test" });
    expect(result.findings[0]).toMatch(finding);
    const drawn = plots.map((plot) => `${plot}.svg`);
    expect((await readdir(out)).sort()).toEqual([...drawn, `${name}.json`].sort());
  },
  300_000,
);
