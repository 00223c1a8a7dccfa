/** No setting of a checkpoint that changes numbers is ignored silently: each one is changed, and must show. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Pixels } from "../../src/engine/conversation.js";
import { refuseSettings, unseenWindow } from "../../src/families/config-settings.js";
import type { PromptTurn } from "../../src/families/family.js";
import {
  SETTING_GROUPS,
  type SettingPart,
  settingGroup,
} from "../../src/families/setting-groups.js";
import { dtypesOf, readCheckpointFolder } from "../../src/node/checkpoint-folder.js";
import { Examination } from "../../src/node/doctor/examination.js";
import { examineFiles } from "../../src/node/doctor/examine-files.js";
import { INERT, INERT_OF_ONE_TILE } from "../../src/node/images/image-settings.js";
import { INERT_OF_PATCH_TILES } from "../../src/node/images/patch-tile-settings.js";
import { INERT_OF_TILES } from "../../src/node/images/tile-settings.js";
import { loadProcessors } from "../../src/node/processors.js";
import { type DecoderTraits, decoderTraits } from "../../src/onnx/decoder-traits.js";
import { readModel } from "../../src/onnx/read-model.js";
import {
  CHECKPOINTS,
  picture,
  type RecordedCase,
  type Reference,
  readReference,
} from "../checkpoints.js";
import { copyOf } from "../node/doctor/damage.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Fields = Readonly<Record<string, Json>>;
type Path = readonly string[];

const NAMES = readdirSync(CHECKPOINTS);
const readFields = (folder: string, file: string): Fields =>
  JSON.parse(readFileSync(join(folder, file), "utf8"));

/** Sizes that are cut, shrunk, enlarged or left, by one checkpoint or another. */
const PICTURES: readonly Pixels[] = (
  [
    [20, 20],
    [90, 30],
    [40, 64],
    [130, 120],
    [120, 60],
  ] as const
).map(([width, height]) => picture({ width, height, x: 3, y: 5, c: 70, xy: 7 }));

/** Numbers, booleans and strings at any depth; of a list the first. */
function leaves(value: Json, path: Path = []): [Path, number | boolean | string][] {
  if (value === null) return [];
  if (typeof value !== "object") return [[path, value]];
  const entries = Object.entries(value);
  return (Array.isArray(value) ? entries.slice(0, 1) : entries).flatMap(([name, inner]) =>
    leaves(inner as Json, [...path, name]),
  );
}

/** Other values of the same kind, as sound as the value: that nonsense is refused says nothing. */
function others(value: number | boolean | string): (number | boolean | string)[] {
  if (typeof value === "boolean") return [!value];
  if (typeof value === "string") return [`${value}_other`];
  return Number.isInteger(value)
    ? [value + 1, 2 * value, Math.floor(value / 2), value - 1].filter(
        (one) => one * value > 0 || (value === 0 && one === 1),
      )
    : [1.5 * value, value / 2];
}

function withChange(content: Json, [name, ...rest]: Path, value: Json): Json {
  if (name === undefined) return value;
  const inner = withChange((content as Fields)[name]!, rest, value);
  if (!Array.isArray(content)) return { ...(content as Fields), [name]: inner };
  return content.map((one, i) => (String(i) === name ? inner : one));
}

const digest = (value: unknown): string =>
  createHash("sha256")
    .update(
      JSON.stringify(value, (_, one) =>
        ArrayBuffer.isView(one)
          ? createHash("sha256")
              .update(new Uint8Array(one.buffer, one.byteOffset, one.byteLength))
              .digest("hex")
          : one instanceof Map
            ? [...one]
            : one,
      ),
    )
    .digest("hex");

/** A recorded case of one image. */
function caseOf(name: string): Pick<Reference, "images"> & { made: RecordedCase } {
  const { images, cases } = readReference(name);
  const made = Object.values(cases).find(({ vision }) => vision.length === 1)!;
  return { images, made };
}

/** A copy of a checkpoint whose settings are changed, and what loading makes of them. */
class Changeable {
  readonly folder: string;
  readonly #case: ReturnType<typeof caseOf>;
  readonly #tokens: number;
  readonly #traits: DecoderTraits;
  #pixels: string | undefined;
  /** Its numbers as it is. */
  before: string | undefined;

  constructor(name: string, folder: string) {
    this.#case = caseOf(name);
    this.folder = folder;
    const config = readFields(folder, "config.json");
    const imageToken = config.image_token_id ?? config.image_token_index;
    this.#tokens = this.#case.made.tokens.filter((token) => token === imageToken).length;
    this.#traits = decoderTraits(
      readModel(readFileSync(join(folder, "onnx/decoder_model_merged.onnx"))),
    );
  }

  /** Pixels of images, and with them the prompt, its positions, lengths and tokens by id, as a digest. */
  async numbers(pictures: readonly Pixels[]): Promise<string> {
    const {
      family: plugin,
      config,
      generation,
    } = readCheckpointFolder(this.folder, dtypesOf("fp32"));
    refuseSettings(config);
    const processors = await loadProcessors(this.folder, plugin.chatTemplate);
    const { prompts, imageProcessor, tokenText } = processors;
    const family = plugin.configure({ config, tokenText });
    const { images, made } = this.#case;
    const [shown] = made.turns.flatMap(({ parts }) =>
      parts.flatMap((part) => ("image" in part ? images[part.image]! : [])),
    );
    const processed = [];
    for (const pixels of [picture(shown!), ...pictures]) {
      const one = await family.process(imageProcessor, pixels as never);
      processed.push({ ...one, fed: one.toInput?.(one.pixels) });
    }
    const turns = made.turns.map(
      ({ role, parts }): PromptTurn => ({
        role,
        parts: parts.map((part) =>
          "text" in part ? { type: "text", text: part.text } : { type: "image" },
        ),
      }),
    );
    const { contextLength, endTokens, patchSize } = family.facts;
    const facts = {
      imageToken: family.imageToken,
      standIns: family.standIns,
      endTokens: generation.eos_token_id ?? endTokens,
      maxTokens: generation.max_new_tokens,
      contextLength: Math.min(contextLength, unseenWindow(config, this.#traits) ?? contextLength),
      patchSize,
    };
    const pixels = digest(processed);
    // What the tower makes of other pixels is not known here; that they are others is enough.
    if (this.#pixels !== undefined && pixels !== this.#pixels) return pixels;
    this.#pixels = pixels;
    const layout = family.layOut(
      turns,
      [{ processed: processed[0]!, tokens: this.#tokens }],
      prompts,
    );
    return digest([pixels, layout, facts]);
  }

  /** What the doctor finds in the files. */
  async faults(): Promise<string[]> {
    const examination = new Examination(undefined, undefined);
    await examineFiles(examination, this.folder, PICTURES[2]!, {
      dtype: dtypesOf("fp32"),
      threads: 1,
    });
    return examination.checks.flatMap(({ status, detail }) => (status === "fault" ? [detail] : []));
  }
}

/** Whether any other value of a setting shows, and if so how; what was not named by a refusal is told. */
async function shows(
  copy: Changeable,
  [file, content, path, value]: readonly [string, Fields, Path, number | boolean | string],
  asDoctor: boolean,
): Promise<boolean> {
  const pictures = file === "preprocessor_config.json" ? PICTURES : [];
  if (copy.before === undefined) {
    copy.before = await copy.numbers(pictures);
    if (asDoctor) expect(await copy.faults()).toEqual([]);
  }
  try {
    for (const other of others(value)) {
      await writeFile(join(copy.folder, file), JSON.stringify(withChange(content, path, other)));
      const isNamed = (message: string) =>
        [path.at(-1)!, file].some((one) => message.includes(one)) ||
        new RegExp(`(?<![\\w.])${other}(?![\\w.]\\w)`).test(message);
      try {
        if ((await copy.numbers(pictures)) !== copy.before) return true;
      } catch (error) {
        if (isNamed((error as Error).message)) return true;
      }
      if (asDoctor && (await copy.faults()).some(isNamed)) return true;
    }
    return false;
  } finally {
    await writeFile(join(copy.folder, file), JSON.stringify(content));
  }
}

const TEXT_PARTS = ["text_config", "phi_config"];

/** Who sees to a setting of config.json, by the innermost name that is known. */
function whoSees(config: Fields, path: Path) {
  const isFlat = !TEXT_PARTS.some((part) => part in config);
  const [part, names]: [SettingPart, Path] = TEXT_PARTS.includes(path[0]!)
    ? ["text", path.slice(1)]
    : path[0] === "vision_config"
      ? ["vision", path.slice(1)]
      : ["top", path];
  const groupOf = (one: string) =>
    (isFlat && part === "top" ? settingGroup("text", one) : undefined) ?? settingGroup(part, one);
  return groupOf(names.at(-1)!) ?? groupOf(names[0]!);
}

/** What else a setting needs to say anything. */
const isOff = (content: Fields, path: Path): boolean => {
  const [name] = path as [string];
  const text = TEXT_PARTS.includes(name) ? (content[name] as Fields) : content;
  const switches: Readonly<Record<string, string>> = {
    image_mean: "do_normalize",
    image_std: "do_normalize",
    rescale_factor: "do_rescale",
    crop_size: "do_center_crop",
  };
  const isAll = (values: Json | undefined, one: number) =>
    [values].flat().every((value) => value === one);
  const { size, crop_size: crop } = content;
  if (name === "do_center_crop" && JSON.stringify(size) === JSON.stringify(crop)) return true;
  if (name === "do_normalize") return isAll(content.image_mean, 0) && isAll(content.image_std, 1);
  if (path.at(-1) === "use_sliding_window") return text.sliding_window == null;
  return content[switches[name] ?? ""] === false;
};

/** A checkpoint's configuration; of one whose means are not usual before its tower, with the tower that they are usual for. */
function soundConfig(name: string, folder: string): Fields {
  const config = readFields(folder, "config.json");
  if (name !== "llava-onevision-concat") return config;
  return withChange(config, ["vision_config", "model_type"], "clip_vision_model") as Fields;
}

describe.each(NAMES)("%s", (name) => {
  test("every setting of config.json is the graph's, or shows when it is changed", async () => {
    const copy = new Changeable(name, await copyOf(name, CHECKPOINTS));
    const config = soundConfig(name, copy.folder);
    await writeFile(join(copy.folder, "config.json"), JSON.stringify(config));
    const silent: string[] = [];
    for (const [path, value] of leaves(config)) {
      const group = whoSees(config, path);
      if (group !== undefined && group.who !== "engine") continue;
      if (isOff(config, path)) continue;
      const seen =
        group !== undefined && (await shows(copy, ["config.json", config, path, value], true));
      if (!seen) silent.push(`${path.join(".")} = ${value}`);
    }
    expect(silent).toEqual([]);
  });

  test("every setting of preprocessor_config.json shows when it is changed", async () => {
    const copy = new Changeable(name, await copyOf(name, CHECKPOINTS));
    const content = readFields(copy.folder, "preprocessor_config.json");
    const type = String(content.image_processor_type);
    const inert = /^(Idefics3|SmolVLM)/.test(type)
      ? INERT_OF_TILES
      : /^Lfm2Vl/.test(type)
        ? INERT_OF_PATCH_TILES
        : /^LlavaOnevision/.test(type)
          ? INERT_OF_ONE_TILE
          : INERT;
    const silent: string[] = [];
    for (const [path, value] of leaves(content)) {
      const isType = path[0] === "image_processor_type";
      const isInert = !isType && inert.some((pattern) => pattern.test(path[0]!));
      if (isOff(content, path)) continue;
      const one = ["preprocessor_config.json", content, path, value] as const;
      if (!isInert && !(await shows(copy, one, false))) silent.push(`${path.join(".")} = ${value}`);
    }
    expect(silent).toEqual([]);
  });

  test("every setting of generation_config.json shows, or has no part in an answer", async () => {
    const copy = new Changeable(name, await copyOf(name, CHECKPOINTS));
    const content = { ...readFields(copy.folder, "generation_config.json"), max_new_tokens: 64 };
    await writeFile(join(copy.folder, "generation_config.json"), JSON.stringify(content));
    const silent: string[] = [];
    for (const [path, value] of leaves(content)) {
      const group = settingGroup("generation", path[0]!);
      if (group !== undefined && group.who !== "engine") continue;
      const one = ["generation_config.json", content, path, value] as const;
      if (group === undefined || !(await shows(copy, one, false))) silent.push(path.join("."));
    }
    expect(silent).toEqual([]);
  });
});

test("no setting is in two groups", () => {
  const all = SETTING_GROUPS.flatMap(({ fields }) =>
    Object.entries(fields).flatMap(([part, names]) =>
      names.split(" ").map((name) => `${part} ${name}`),
    ),
  );
  expect(all.filter((one, i) => all.indexOf(one) !== i)).toEqual([]);
});
