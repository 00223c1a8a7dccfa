/** The update of one linear module by an adapter: W + scale B A, with W as PyTorch holds it, (outputs, inputs). */
export interface ModuleUpdate {
  /** As the adapter names it, for messages: "model.language_model.layers.0.self_attn.q_proj". */
  readonly name: string;
  /** Where it stands in the language model (`modulePath`): "layers.0.self_attn.q_proj". */
  readonly path: string;
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
  /** A, (rank, inputs). */
  readonly a: Float32Array;
  /** B, (outputs, rank). */
  readonly b: Float32Array;
  readonly scale: number;
}

const LAYERS = new Set(["layers", "layer", "blocks", "h"]);
/** What exporters put behind a module's path. */
const BEHIND = /^(?:MatMul|Gemm|Transpose|Cast|weight)/;

/**
 * Where a linear module stands in a language model, whatever trainers and exporters write around it:
 * "layers.0.self_attn.q_proj" for "/model/layers.0/attn/q_proj/MatMul", or "lm_head".
 *
 * @returns undefined for a name that does not tell
 */
export function modulePath(name: string): string | undefined {
  const parts = name.split(/[./]/);
  const start = parts.findIndex((part, i) => LAYERS.has(part) && /^\d+$/.test(parts[i + 1] ?? ""));
  if (start < 0) return parts.includes("lm_head") ? "lm_head" : undefined;
  const inside = parts.slice(start + 2);
  const end = inside.findIndex((part) => BEHIND.test(part));
  const module = end < 0 ? inside : inside.slice(0, end);
  if (module[0] === "attn") module[0] = "self_attn";
  return ["layers", parts[start + 1], ...module].join(".");
}
