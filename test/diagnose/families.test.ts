/** All of diagnosis on other families' tiny checkpoints: their figures mean nothing, the path is that of any model. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model } from "groundsight";
import {
  ANALYSES,
  type Analysis,
  type AnalysisResult,
  addMaps,
  assessTrust,
  buildIndex,
  checkCaption,
  explainAnswer,
  openIndex,
  openPocketBench,
  runAnalysis,
  traceHtml,
} from "groundsight/diagnose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel } from "../checkpoints.js";

const image = "pocket/demo/dev_000010.png";
const caption = "A dog and a cup.";
/** What a checkpoint refuses, by analysis: with a word of how to go on. */
const REFUSED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  "smolvlm-gqa": { forgetting: /received no base LLM for smolvlm-gqa.*--base/ },
  "qwen2.5-vl-gqa": {
    forgetting: /received no base LLM for qwen2.5-vl-gqa.*--base/,
    cognition: /prompt: received \d+ tokens; expected at most 255.*shorten the prompt/,
    noise: /prompt: received \d+ tokens.*expected at most 255.*shorten the prompt/,
  },
};

describe.each(Object.keys(REFUSED))("%s", (name) => {
  let model: Model;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "families-"));
    model = await openModel(name);
  });
  afterAll(async () => {
    await model.dispose();
    await rm(folder, { recursive: true });
  });

  test("explains with trust, maps and a page, and checks a caption", async () => {
    const request = { image, prompt: "Describe the image.", answer: caption };
    const explained = await explainAnswer(model, request, { assess: assessTrust() });
    expect(explained.phrases.map(({ object }) => object)).toEqual(["dog", "cup"]);
    for (const how of ["occlusion", "attention"] as const) {
      const mapped = await addMaps(model, request, explained, { how, cells: 2 });
      expect(mapped.tokens.filter(({ map }) => map?.how === how)).not.toEqual([]);
    }
    expect(traceHtml(explained)).toContain(caption);
    const { phrases } = await checkCaption(model, image, caption, { signals: ["attention"] });
    expect(phrases.map(({ signals }) => Number.isFinite(signals.verification))).toEqual([
      true,
      true,
    ]);
    expect(phrases.map(({ signals }) => signals.attention! > 0)).toEqual([true, true]);
  });

  test("indexes samples by its own image features", async () => {
    const path = join(folder, "samples.index");
    const samples = ["index_000000.png", "index_000001.png"].map((name) => ({
      image: name,
      texts: ["A cup."],
    }));
    const images = "pocket/bench/index/images";
    expect(await buildIndex(model, samples, { path, images })).toMatchObject({ failures: {} });
    await using index = await openIndex(path, model);
    const own = join(images, samples[0]!.image);
    const [nearest] = await index.nearest(own, 1);
    expect(nearest).toMatchObject({ image: samples[0]!.image, similarity: expect.closeTo(1, 4) });
  });

  test.each(ANALYSES.filter(({ needs }) => needs.model))(
    "runs or refuses $name",
    async (analysis) => {
      const refused = REFUSED[name]![analysis.name];
      if (refused !== undefined) return expect(run(model, analysis)).rejects.toThrow(refused);
      const { findings, n, warnings } = await run(model, analysis);
      expect(findings.length).toBeGreaterThan(0);
      expect(n).toBeGreaterThanOrEqual(0);
      // Qwen's vision tower has no fixed positions; the rest is told.
      if (analysis.name === "alignment" && name.startsWith("qwen"))
        expect(warnings.join()).toMatch(/the vision tower is left out: .*no fixed positions/);
      return undefined;
    },
  );
});

/** With few images, short answers and small settings. */
function run(model: Model, analysis: Analysis): Promise<AnalysisResult> {
  const few = { maxTokens: 4, cells: 2, copies: 2, neighbours: 1 };
  const settings = Object.fromEntries(
    Object.entries(few).filter(([setting]) => setting in analysis.settings),
  );
  const data = openPocketBench("test", { limit: analysis.name === "alignment" ? 3 : 1 });
  return runAnalysis(analysis, { model, data, settings });
}
