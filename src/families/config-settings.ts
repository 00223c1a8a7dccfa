import { ModelLoadError } from "../errors.js";
import type { DecoderTraits } from "../onnx/decoder-traits.js";
import { type SettingPart, settingGroup } from "./setting-groups.js";

/** A setting that may change what a model answers, and who sees to it. */
export interface SettingFate {
  /** Where it stands, such as "text_config.sliding_window", of config.json where no other file is named. */
  readonly name: string;
  readonly value: unknown;
  /**
   * "graph": an export holds it, in operators or folded into weights. "engine": the loader sees to it. "missing": the graph
   * should hold it and shows no sign of it. "request": not followed, as whoever asks says it. "unknown": not known here, and
   * its name speaks of numbers. "unlisted": not known here, and its name speaks of none. "left-out": exports that can be loaded have no path for it.
   */
  readonly fate: "graph" | "engine" | "missing" | "left-out" | "request" | "unknown" | "unlisted";
}

type Fields = Readonly<Record<string, unknown>>;

/** Parts of a config.json that describe the language model; old files have it flat. */
const TEXT_PARTS = ["text_config", "phi_config", "language_config"];
/** Rotary embeddings whose angles depend on the length of the prompt: an export holds those of one length. */
const BY_LENGTH = new Set(["dynamic", "longrope", "su"]);
/** Those whose angles an export holds whatever the prompt is. */
const OF_ANY_LENGTH = new Set([
  "default",
  "linear",
  "llama3",
  "yarn",
  "mrope",
  "proportional",
  "axial",
]);
/** Kinds of layers whose caches are understood. */
const LAYER_TYPES = new Set(["full_attention", "sliding_attention", "linear_attention", "conv"]);
/** Names that sound as if they changed numbers. */
const SUSPECT =
  /scal(e|ing)|multiplier|softcap|soft_cap|logit_cap|window|alibi|sink|clip_qkv|attention_(bias|chunk)|temperature/;

/** The language model's part of a config.json, by its name there. */
function textPart(config: unknown): { prefix: string; text: Fields } {
  const whole = fields(config);
  const name = TEXT_PARTS.find((part) => typeof whole[part] === "object" && whole[part] !== null);
  return name === undefined
    ? { prefix: "", text: whole }
    : { prefix: `${name}.`, text: fields(whole[name]) };
}

/**
 * The window of tokens that a model's attention looks back on, where it is shorter than the context and in use.
 *
 * @param config the content of config.json
 */
export function attentionWindow(config: unknown): number | undefined {
  const { text } = textPart(config);
  const { sliding_window: window, use_sliding_window: isUsed, layer_types: layers } = text;
  if (typeof window !== "number" || isUsed === false) return undefined;
  // Qwen's configurations name a window that is off unless they say otherwise.
  const type = String(text.model_type ?? fields(config).model_type);
  if (/qwen2/.test(type) && isUsed !== true) return undefined;
  if (Array.isArray(layers) && !layers.some((one) => /sliding/.test(String(one)))) return undefined;
  return window < Number(text.max_position_embeddings ?? Number.POSITIVE_INFINITY)
    ? window
    : undefined;
}

/**
 * The window that must be kept by the loader, since the graph's operators do not have it in all layers that should: within
 * its length a model with a window and one without compute the same.
 */
export function unseenWindow(
  config: unknown,
  { windows }: Pick<DecoderTraits, "windows">,
): number | undefined {
  const window = attentionWindow(config);
  const seen = windows.filter((one) => one !== null);
  if (window === undefined) return undefined;
  if (seen.length > 0) {
    const expected = layerWindows(config, window, windows.length);
    const isKept = expected?.every((one, layer) => one === windows[layer]) ?? seen.includes(window);
    if (isKept) return undefined;
  }
  return Math.min(window, ...seen);
}

/** The window of each layer, null for one without; undefined where the file does not tell them apart. */
function layerWindows(
  config: unknown,
  window: number,
  layers: number,
): (number | null)[] | undefined {
  const { layer_types: types, sliding_window_pattern: pattern } = textPart(config).text;
  if (Array.isArray(types)) {
    return types.length === layers
      ? types.map((type) => (/sliding/.test(String(type)) ? window : null))
      : undefined;
  }
  if (typeof pattern !== "number") return undefined;
  // Gemma 3: the last of so many layers sees everything.
  return Array.from({ length: layers }, (_, i) => ((i + 1) % pattern === 0 ? null : window));
}

/**
 * Refuses settings that no export can follow.
 *
 * @throws ModelLoadError naming the setting
 */
export function refuseSettings(config: unknown): void {
  const { prefix, text } = textPart(config);
  for (const name of ["rope_scaling", "rope_parameters"]) {
    const type = ropeTypes(text[name]).find((one) => BY_LENGTH.has(one));
    if (type === undefined) continue;
    throw new ModelLoadError(
      `config.json: ${prefix}${name}: received the type '${type}', whose angles depend on the prompt's length; an exported graph holds those of one length, so that answers to other prompts would be wrong. Use a checkpoint with another type`,
    );
  }
}

/**
 * Every setting of config.json and generation_config.json that may change numbers, and who sees to it: none is ignored
 * silently.
 *
 * @param config the content of config.json
 * @param generation the content of generation_config.json
 * @throws ModelLoadError for what no export can follow
 */
export function settingFates(
  config: unknown,
  decoder: DecoderTraits,
  generation: unknown = {},
): SettingFate[] {
  refuseSettings(config);
  const parts = [
    ...configParts(config),
    { part: "generation" as const, prefix: "generation_config.json: ", values: fields(generation) },
  ];
  return parts.flatMap(({ part, prefix, values }) =>
    Object.entries(values).flatMap(([name, value]) => {
      const fate = isSet(value) ? fateOf(part, [name, value], config, decoder) : undefined;
      return fate === undefined ? [] : [{ name: prefix + name, value, fate }];
    }),
  );
}

/** The parts of a config.json; a flat file is all text. */
function configParts(config: unknown): { part: SettingPart; prefix: string; values: Fields }[] {
  const { prefix, text } = textPart(config);
  const { vision_config: vision } = fields(config);
  const top = prefix === "" ? {} : fields(config);
  return [
    {
      part: "top",
      prefix: "",
      values: Object.fromEntries(
        Object.entries(top).filter(([name]) => !TEXT_PARTS.includes(name)),
      ),
    },
    { part: "text", prefix, values: text },
    { part: "vision", prefix: "vision_config.", values: fields(vision) },
  ];
}

function fateOf(
  part: SettingPart,
  [name, value]: readonly [string, unknown],
  config: unknown,
  decoder: DecoderTraits,
): SettingFate["fate"] | undefined {
  const isText = part === "text";
  if (isText && /^_?sliding_window(_pattern)?$/.test(name)) {
    return unseenWindow(config, decoder) === undefined ? "graph" : "engine";
  }
  if (isText && name === "final_logit_softcapping") return decoder.capsLogits ? "graph" : "missing";
  if (isText && name === "attn_logit_softcapping") {
    return decoder.capsAttention ? "graph" : "missing";
  }
  if (isText && namesUnknownKind(name, value)) return "unknown";
  // Features of inner layers would be inputs of the decoder, which nothing here feeds.
  if (part === "vision" && name === "deepstack_visual_indexes") {
    return Array.isArray(value) && value.length > 0 ? "left-out" : undefined;
  }
  const isFlat = isText && textPart(config).prefix === "";
  const group = settingGroup(part, name) ?? (isFlat ? settingGroup("top", name) : undefined);
  if (group === undefined) return SUSPECT.test(name) ? "unknown" : "unlisted";
  return group.who === "graph" || group.who === "request" ? group.who : undefined;
}

/** Whether a setting names a kind of rotary embedding or of layer that is not known. */
function namesUnknownKind(name: string, value: unknown): boolean {
  if (name === "layer_types") {
    return Array.isArray(value) && value.some((type) => !LAYER_TYPES.has(String(type)));
  }
  return /^rope_(scaling|parameters)$/.test(name) && !ropeTypes(value).every(isOfAnyLength);
}

function isOfAnyLength(type: string): boolean {
  return OF_ANY_LENGTH.has(type);
}

/** Types of rotary embeddings, whether given for all layers or for each kind of them. */
function ropeTypes(value: unknown): string[] {
  const given = fields(value);
  const inner = Object.values(given).filter((one) => typeof one === "object" && one !== null);
  return [given.rope_type, given.type, ...inner.flatMap(ropeTypes)].filter(
    (one) => typeof one === "string",
  );
}

/** Null, false and neutral numbers change nothing. */
function isSet(value: unknown): boolean {
  return value !== null && value !== undefined && value !== false && value !== 1;
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
