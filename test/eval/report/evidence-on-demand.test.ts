import { expect, test } from "vitest";
import { evidenceOnDemand } from "../../../src/eval/report/evidence-on-demand.js";

test("evidence in outermost parentheses is shown on demand, all else at once", () => {
  const text =
    "b (mme): +6 points (95% interval 3 to 9, p = 0.03). But <it> cools (like greedy +6 points (95% interval 2 to 8)), so.";
  expect(evidenceOnDemand(text).replace(/^<span title="[^"]*">/, "")).toBe(
    'b (mme): +6 points<span class="sure"> (95% interval 3 to 9, p = 0.03)</span>. But &lt;it&gt; cools' +
      '<span class="sure"> (like greedy +6 points (95% interval 2 to 8))</span>, so.</span>',
  );
});

test.each(["(95% interval never closes", ") opens nothing (95% interval)", "("])(
  "%j keeps its text",
  (text) => {
    expect(evidenceOnDemand(text).replace(/<[^>]*>/g, "")).toBe(text);
  },
);
