import { ModelLoadError } from "../errors.js";
import type { FamilyPlugin } from "./family.js";
import { gemma3 } from "./gemma3.js";
import { gemma4 } from "./gemma4.js";
import { idefics3 } from "./idefics3.js";
import { lfm2Vl } from "./lfm2-vl.js";
import { llava, moondream1 } from "./llava.js";
import { paligemma } from "./paligemma.js";
import { qwen2Vl, qwen3Vl, qwen25Vl, qwen35 } from "./qwen-vl.js";

/** Every family: the one place to register a new one. */
export const FAMILIES: readonly FamilyPlugin[] = [
  llava,
  moondream1,
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  qwen35,
  idefics3,
  gemma3,
  gemma4,
  lfm2Vl,
  paligemma,
];

const SOUND = "it takes sound, not images; use a family with a vision_encoder";

const UNKNOWN_TO_EXPORTS =
  "transformers.js does not know it, so there are no graphs in its layout; use a family that it exports";

/** Kinds of checkpoints that people try, and why they cannot be run. */
const REFUSED: Readonly<Record<string, string>> = {
  phi3_v:
    "its graphs are laid out in another way (prepare_inputs_embeds, model, vision_encoder), with negative image tokens",
  multi_modality:
    "Janus has six graphs, for pictures that it draws as well, instead of embed_tokens, vision_encoder and decoder_model_merged",
  florence2: "it is an encoder and a decoder with fixed tasks, not a chat model with one decoder",
  gemma3n:
    "its decoder carries four residual streams that each layer predicts and corrects, and its towers take sound and MobileNet's images; take gemma4, or gemma3",
  mistral3:
    "each image has a size of its own, with tokens that end its rows, and its image processor (Pixtral's) was not compared with the one in Python; take qwen3_vl or lfm2_vl, whose images have their own sizes too",
  lighton_ocr:
    "its images are Pixtral's, in sizes of their own with tokens that end their rows, which was not compared with Python; take granite-docling (idefics3) to read documents",
  glm_ocr:
    "its image processor (GLM-4.6V's) was not compared with the one in Python; take granite-docling (idefics3) to read documents",
  "vision-encoder-decoder":
    "it is an encoder and a decoder that answers no questions, without embed_tokens; use a chat model",
  granite_speech: SOUND,
  ultravox: SOUND,
  voxtral: SOUND,
  voxtral_realtime: SOUND,
  internvl: UNKNOWN_TO_EXPORTS,
  internvl_chat: UNKNOWN_TO_EXPORTS,
  gemma3_text:
    "it is a language model alone, without a vision_encoder; use one with images, of model_type 'gemma3' (4B or larger)",
  mllama: `${UNKNOWN_TO_EXPORTS}; its images enter by cross-attention, not as tokens`,
  llava_next: UNKNOWN_TO_EXPORTS,
  minicpmv: UNKNOWN_TO_EXPORTS,
  moondream2: UNKNOWN_TO_EXPORTS,
  moondream3: UNKNOWN_TO_EXPORTS,
  phi4mm: UNKNOWN_TO_EXPORTS,
  phi4_multimodal: UNKNOWN_TO_EXPORTS,
};

/**
 * The family of a checkpoint.
 *
 * @param modelType `model_type` in its config.json
 * @throws ModelLoadError when none takes it
 */
export function familyOf(modelType: string): FamilyPlugin {
  const plugin = FAMILIES.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (plugin !== undefined) return plugin;
  const reason = Object.hasOwn(REFUSED, modelType) ? REFUSED[modelType] : undefined;
  if (reason !== undefined) {
    throw new ModelLoadError(
      `config.json: received model_type '${modelType}', which cannot be run here: ${reason}`,
    );
  }
  const known = FAMILIES.flatMap(({ modelTypes }) => modelTypes).join(", ");
  throw new ModelLoadError(
    `config.json: received model_type '${modelType}'; supported are ${known}`,
  );
}
