import { ModelLoadError } from "../errors.js";
import type { DecoderTraits } from "../onnx/decoder-traits.js";

/** A setting of config.json that changes what a model answers, and who sees to it. */
export interface SettingFate {
  /** Where it stands, such as "text_config.sliding_window". */
  readonly name: string;
  readonly value: unknown;
  /**
   * "graph": an export holds it, in operators or folded into weights. "engine": the loader sees to it. "missing": the graph
   * should hold it and shows no sign of it. "unknown": not known here.
   */
  readonly fate: "graph" | "engine" | "missing" | "unknown";
}

type Fields = Readonly<Record<string, unknown>>;

/** Parts of a config.json that describe the language model; old files have it flat. */
const TEXT_PARTS = ["text_config", "phi_config", "language_config"];
/** Rotary embeddings whose angles depend on the length of the prompt: an export holds those of one length. */
const BY_LENGTH = new Set(["dynamic", "longrope", "su"]);
/** Settings that act within the layers: exporters trace them into the graph. */
const IN_GRAPH =
  /^(rope_(theta|scaling|parameters)|rope_local_base_freq|partial_rotary_factor|position_embedding_type|tie_word_embeddings|logit_scale|logits_scaling|attention_multiplier|residual_multiplier|embedding_multiplier|query_pre_attn_scalar|attention_bias|mlp_bias|qk_layernorm|use_qk_norm|(\w+_)?norm_eps|norm_epsilon|hidden_act(ivation)?|activation_function|resid_scale|scale_embeddings|num_kv_shared_layers|attention_k_eq_v|use_double_wide_mlp|enable_moe_block|top_k_experts|hidden_size_per_layer_input|per_layer_config|global_head_dim|num_global_key_value_heads|block_ffn_dim_multiplier|mrope_section|attn_scale|use_bidirectional_attention)$/;
/** Names that sound as if they changed numbers. */
const SUSPECT =
  /scal(e|ing)|multiplier|softcap|soft_cap|logit_cap|window|alibi|sink|clip_qkv|attention_(bias|chunk)|temperature/;
/** Names that sound so and change nothing when a model answers. */
const INERT = /initializer|init_scale|dropout|^max_window_layers$|^use_sliding_window$|^_/;

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
 * Every setting of a config.json's language model that changes numbers, and who sees to it: none is ignored silently.
 *
 * @param config the content of config.json
 * @throws ModelLoadError for what no export can follow
 */
export function settingFates(config: unknown, decoder: DecoderTraits): SettingFate[] {
  refuseSettings(config);
  const { prefix, text } = textPart(config);
  const entries = Object.entries(text).filter(
    ([name, value]) =>
      isSet(value) && !INERT.test(name) && (IN_GRAPH.test(name) || SUSPECT.test(name)),
  );
  return entries.map(([name, value]) => ({
    name: prefix + name,
    value,
    fate: fateOf(name, config, decoder),
  }));
}

function fateOf(name: string, config: unknown, decoder: DecoderTraits): SettingFate["fate"] {
  if (name === "sliding_window" || name === "sliding_window_pattern") {
    return unseenWindow(config, decoder) === undefined ? "graph" : "engine";
  }
  if (name === "final_logit_softcapping") return decoder.capsLogits ? "graph" : "missing";
  if (name === "attn_logit_softcapping") return decoder.capsAttention ? "graph" : "missing";
  return IN_GRAPH.test(name) ? "graph" : "unknown";
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
