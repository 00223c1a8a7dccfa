/**
 * Base LLMs of vision-language models whose cards, configurations or papers name them, by the names that `load` and
 * `loadTextModel` take. Some lie on the hub in PyTorch alone, and are to be exported first.
 */
const PAIRS: readonly (readonly [RegExp, string])[] = [
  [/^pocket(-tuned)?$/, "pocket-base"],
  [/^HuggingFaceTB\/SmolVLM2?-256M-/, "HuggingFaceTB/SmolLM2-135M-Instruct"],
  [/^HuggingFaceTB\/SmolVLM2?-500M-/, "HuggingFaceTB/SmolLM2-360M-Instruct"],
  [/^HuggingFaceTB\/SmolVLM(2-2\.2B)?-(Base|Instruct)$/, "HuggingFaceTB/SmolLM2-1.7B-Instruct"],
  [/^llava-hf\/llava-1\.5-7b-hf$/, "lmsys/vicuna-7b-v1.5"],
  [/^llava-hf\/llava-1\.5-13b-hf$/, "lmsys/vicuna-13b-v1.5"],
  [/^llava-hf\/llava-interleave-qwen-0\.5b-hf$/, "Xenova/Qwen1.5-0.5B-Chat"],
  [/^llava-hf\/llava-onevision-qwen2-0\.5b-(ov|si)-hf$/, "Qwen/Qwen2-0.5B-Instruct"],
  [/^(onnx-community|apple)\/FastVLM-0\.5B(-ONNX)?$/, "Qwen/Qwen2-0.5B-Instruct"],
  [/^(onnx-community|Qwen)\/Qwen2-VL-2B(-Instruct)?$/, "Qwen/Qwen2-1.5B"],
  [/^(onnx-community|LiquidAI)\/LFM2-VL-450M(-ONNX)?$/, "onnx-community/LFM2-350M-ONNX"],
  [/^(onnx-community|LiquidAI)\/LFM2-VL-1\.6B(-ONNX)?$/, "onnx-community/LFM2-1.2B-ONNX"],
  [/^(onnx-community|google)\/paligemma2-3b-/, "google/gemma-2-2b"],
];

/**
 * The name of the base LLM that a vision-language model was tuned from, for `loadTextModel`; undefined where none is
 * known, as for a folder.
 *
 * @param model its name, as `load` takes it
 */
export function knownBase(model: string): string | undefined {
  return PAIRS.find(([names]) => names.test(model))?.[1];
}
