/** Confidence of the logit lens in objects, of lenses that are known. */
import { expect, test } from "vitest";
import { lensConfidence } from "../../../src/diagnose/trust/logit-lens.js";
import type { ImageLens, Probe } from "../../../src/engine/probe.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { image } from "../../engine/asked.js";

const byte = (text: string) => text.charCodeAt(0);

/** A model whose image tokens, three behind each of two layers, say known letters; it counts how often it was opened. */
function seeing(said: Readonly<Record<string, readonly number[]>>) {
  const opened: string[] = [];
  const imageLens: Probe["imageLens"] = async (prompt, _, tokens, layers): Promise<ImageLens> => {
    opened.push(`lens of ${prompt} behind ${layers ?? "all"}`);
    const rows = [0, 1].map((layer) =>
      Float32Array.from(
        [0, 1, 2].flatMap((at) =>
          tokens.map((token) => said[String.fromCharCode(token)]?.[3 * layer + at] ?? -20),
        ),
      ),
    );
    return { layers: [0, 1], positions: 3, logProbs: rows };
  };
  const model = Object.assign(fakeModel(), {
    probe: async () => {
      opened.push("probe");
      return { imageLens } as Probe;
    },
  });
  return { model, opened };
}

test("is the highest over layers, image tokens and spellings of the first token", async () => {
  const { model } = seeing({ d: [-9, -8, -7, -3, -6, -5], D: [-9, -4, -9, -9, -9, -9], f: [-2] });
  expect(byte("d")).toBe(100);
  const found = await lensConfidence(model, image, ["dog", "fork", "cat", "dot"], { prompt: "?" });
  expect(found).toEqual([-3, -2, -20, -3]);
});

test("the probe is opened once for a model, and again where that failed", async () => {
  const { model, opened } = seeing({});
  const asked = { prompt: "What?", layers: [1] };
  await lensConfidence(model, image, ["dog"], asked);
  await lensConfidence(model, image, ["cat"], asked);
  expect(opened).toEqual(["probe", "lens of What? behind 1", "lens of What? behind 1"]);
  const broken = fakeModel();
  await expect(lensConfidence(broken, image, ["dog"], asked)).rejects.toThrow("no hidden states");
  const mended = Object.assign(broken, { probe: () => model.probe() });
  expect(await lensConfidence(mended, image, ["dog"], asked)).toEqual([-20]);
});
