import type { Model } from "../../index.js";
import type { Explanation, TokenEvidence } from "../contract/explanation.js";
import type { ExplainRequest } from "../evidence/explain-request.js";
import { type AttentionMapOptions, attentionMaps } from "./attention-maps.js";
import { type OcclusionOptions, occlusionMaps } from "./occlusion-maps.js";
import { wordTokens } from "./word-tokens.js";

/** Which maps are added, of which tokens, and how they are made. */
export interface MapOptions extends OcclusionOptions, AttentionMapOptions {
  /** "occlusion" works on every graph and says what the token needs; "attention" is quick and says where the model looks. */
  readonly how: "occlusion" | "attention";
  /** Tokens of the words for objects, the default, or all. */
  readonly of?: "objects" | "all";
}

/**
 * An explanation with maps of the image at its tokens; of attention, also the share of it that lies on the image at every
 * token.
 *
 * @param request what was explained
 * @throws what {@link occlusionMaps} and {@link attentionMaps} throw
 */
export async function addMaps(
  model: Model,
  request: ExplainRequest,
  explanation: Explanation,
  { how, of = "objects", layers, heads, ...occlusion }: MapOptions,
): Promise<Explanation> {
  const { maxTokens: _, ...question } = request;
  const tokens = explanation.tokens.map(({ id }) => id);
  if (tokens.length === 0) return explanation;
  const chosen = of === "all" ? new Set(tokens.keys()) : wordTokens(explanation);
  if (chosen.size === 0) {
    const warning = "map: the answer names no known object; ask for maps of all tokens";
    return { ...explanation, warnings: [...explanation.warnings, warning] };
  }
  const asked = { ...question, answer: tokens };
  const withMap = (token: TokenEvidence, i: number, maps: readonly TokenEvidence["map"][]) => {
    const map = chosen.has(i) ? maps[i] : undefined;
    return map === undefined ? token : { ...token, map };
  };
  if (how === "occlusion") {
    const { maps } = await occlusionMaps(model, asked, occlusion);
    return { ...explanation, tokens: explanation.tokens.map((one, i) => withMap(one, i, maps)) };
  }
  const { maps, onImage } = await attentionMaps(model, asked, {
    ...(layers === undefined ? {} : { layers }),
    ...(heads === undefined ? {} : { heads }),
  });
  return {
    ...explanation,
    tokens: explanation.tokens.map((one, i) =>
      withMap({ ...one, attention: onImage[i]! }, i, maps),
    ),
  };
}
