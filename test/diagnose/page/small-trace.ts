import type {
  Explanation,
  PatchMap,
  PhraseEvidence,
  TokenEvidence,
} from "../../../src/diagnose/contract/explanation.js";

/** A picture of one grey pixel. */
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";

const OTHERS = [
  { id: 800, text: " cat", logprob: -2 },
  { id: 801, text: " <b>tag</b>", logprob: -4 },
];

/** A token's evidence, hand-made. */
function tokenOf(text: string, id: number, start: number, end: number): TokenEvidence {
  const likelihood = id % 3 === 0 ? 0.05 : 0.8;
  const logprob = Math.log(likelihood);
  const top = [{ id, text, logprob }, ...OTHERS];
  const seen = { logprob: logprob - 1.5, difference: 1.5, divergence: 0.7, top: OTHERS };
  return {
    ...{ id, text, start, end, logprob, top, probability: likelihood },
    ...{ rank: 0, entropy: 0.4, plausible: 2, elbow: 1 },
    distorted: { ...seen, difference: 0.02 },
    imageless: seen,
    base: { rank: 7, logprob: -5, shift: "shifted", top: OTHERS },
  };
}

/** An explanation of an answer whose words are a token each, and which doubts the last of them. */
export function smallTrace(answer = "A dog sits by a <b>chair</b>."): Explanation {
  const tokens = [...answer.matchAll(/\s*[^\s.]+|\./g)].map(({ 0: text, index }, i) =>
    tokenOf(text, i, index, index + text.length),
  );
  const map: PatchMap = { rows: 2, columns: 2, values: [0.1, -0.2, 1.5, 0], how: "occlusion" };
  const phrase = (at: number, trust: number): PhraseEvidence => ({
    text: tokens[at]!.text.trim(),
    start: tokens[at]!.start,
    end: tokens[at]!.end,
    kind: "object",
    tokens: [at, at + 1],
    trust,
    signals: { "self-verification": -1.5, attention: null },
    doubtful: trust < 0.5,
    reasons: trust < 0.5 ? ["asked back, the model says no"] : [],
  });
  const last = tokens.length - 2;
  return {
    schemaVersion: 1,
    model: { id: "hand-made", dtype: "fp32", hash: "0123456789abcdef" },
    base: { id: "hand-made-base", kind: "base-llm" },
    question: "What is <i>here</i>?",
    answer,
    generated: true,
    seed: 0,
    settings: { beta: 0.1, noiseStep: 500 },
    image: { width: 2, height: 2, dataUrl: PIXEL },
    tokens: [...tokens.slice(0, last), { ...tokens[last]!, map }, ...tokens.slice(last + 1)],
    phrases: [phrase(1, 0.95), phrase(last, 0.1)],
    warnings: ["hand-made"],
  };
}
