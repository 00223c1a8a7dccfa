import { expect, test } from "vitest";
import { planControls } from "../../../src/eval/controls/plan-controls.js";

const planned = (...args: Parameters<typeof planControls>) =>
  planControls(...args).series.map(
    ({ method, seed, kind = "all" }) => `${method} ${seed ?? "greedy"} ${kind}`,
  );

test("each control is for its kind of question, and `cool` for sampled answers alone", () => {
  expect(planned(["yes-no"], { greedy: true, seeds: 0 })).toEqual(["pba greedy yes-no"]);
  expect(planned(["open", "caption"], { greedy: true, seeds: 0 })).toEqual(["eos greedy caption"]);
  expect(planned(["open"], { greedy: true, seeds: 0 })).toEqual([]);
  expect(planned(["caption", "yes-no", "yes-no"], { greedy: true, seeds: 2 })).toEqual([
    ...["pba greedy yes-no", "pba 0 yes-no", "pba 1 yes-no"],
    ...["cool 0 all", "cool 1 all"],
    ...["eos greedy caption", "eos 0 caption", "eos 1 caption"],
  ]);
  expect(planned(["caption"], { greedy: false, seeds: 1 })).toEqual([
    "cool 0 all",
    "eos 0 caption",
  ]);
});

test("there is a method for each control that is planned", () => {
  const { methods, series } = planControls(["yes-no"], { greedy: true, seeds: 1 });
  expect([...methods.keys()]).toEqual(["pba", "cool"]);
  expect(new Set(series.map(({ method }) => method))).toEqual(new Set(methods.keys()));
});
