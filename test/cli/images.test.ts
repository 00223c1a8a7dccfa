import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "../../src/index.js";
import { CHECKPOINTS, openModel } from "../checkpoints.js";
import { groundsight } from "./groundsight.js";

const model = ["--model", `${CHECKPOINTS}smolvlm-gqa`, "--threads", "1", "--max-tokens", "4"];

let folder: string;
let images: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-images-"));
  images = ["red", "blue"].map((colour) => join(folder, `${colour}.png`));
  for (const [i, background] of ["#f00", "#00f"].entries()) {
    await sharp({ create: { width: 40, height: 24, channels: 3, background } })
      .png()
      .toFile(images[i]!);
  }
});
afterAll(() => rm(folder, { recursive: true }));

interface Printed extends Pick<Answer, "usage" | "tokens"> {
  readonly image: string | null;
  readonly images: string[];
  readonly answers: { readonly name: string; readonly usage: Answer["usage"] }[];
}

function json(...args: string[]): Printed {
  const { status, stdout, stderr } = groundsight(...args, ...model, "--json");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("ask", () => {
  test("takes several images, in order in front of the question", async () => {
    const [one, two] = [images, images.toReversed()].map((given) =>
      json("ask", ...given, "What differs?", "--logprobs"),
    );
    expect(one).toMatchObject({ image: null, images });
    await using library = await openModel("smolvlm-gqa");
    const expected = await library.generate({
      turns: [
        {
          role: "user",
          content: [
            ...images.map((image) => ({ type: "image", image }) as const),
            { type: "text", text: "What differs?" },
          ],
        },
      ],
      maxTokens: 4,
    });
    expect(one!.usage).toEqual(expected.usage);
    expect(one!.tokens).toEqual(expected.tokens);
    expect(two!.tokens.map(({ logprob }) => logprob)).not.toEqual(
      expected.tokens.map(({ logprob }) => logprob),
    );
  });

  test("takes none, and a method that needs one refuses", () => {
    expect(json("ask", "Name a colour.")).toMatchObject({
      image: null,
      images: [],
      usage: { imageTokens: 0 },
    });
    const refused = groundsight("ask", "Name a colour.", "--method", "vcd", ...model);
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain("method vcd needs an image; received none");
  });
});

describe("compare", () => {
  const names = ({ answers }: Printed) => answers.map(({ name }) => name);

  test("answers about several images with the methods that are named", () => {
    const found = json("compare", ...images, "Same?", "--methods", "regular,vcd", "--rounds", "1");
    expect(found).toMatchObject({ image: null, images });
    expect(names(found)).toEqual(["regular", "vcd"]);
    const one = json("ask", images[0]!, "Same?").usage.imageTokens;
    expect(found.answers.map(({ usage }) => usage.imageTokens)).toEqual([2 * one, 2 * one]);
  });

  test("leaves methods out that need an image where there is none, unless they are named", () => {
    expect(names(json("compare", "A colour?", "--rounds", "1"))).toEqual([
      "regular",
      "apc",
      "flb",
      "deco",
      "dola",
    ]);
    const named = groundsight("compare", "A colour?", "--methods", "regular,described", ...model);
    expect(named).toMatchObject({ status: 2, stdout: "" });
    expect(named.stderr).toContain("method described needs an image; received none");
  });
});

test.each(["ask", "compare"])("help of %s tells how images and the question stand", (command) => {
  const { stdout } = groundsight(command, "--help");
  expect(stdout).toContain(`Usage: groundsight ${command} [options] [images...] <question>\n`);
  const missing = groundsight(command);
  expect(missing).toMatchObject({ status: 2 });
  expect(missing.stderr).toContain("missing required argument 'question'");
});
