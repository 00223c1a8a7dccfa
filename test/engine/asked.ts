import type { Answer } from "../../src/engine/answer.js";
import type { Pixels } from "../../src/engine/conversation.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import { apc } from "../../src/methods/apc.js";
import { vcd } from "../../src/methods/vcd.js";
import type { FakeCache } from "../backends/fake-decoder.js";

/** An image of one pixel. */
export const image: Pixels = {
  data: Uint8Array.of(10, 200, 90),
  width: 1,
  height: 1,
  channels: 3,
};
/** Another one. */
export const dark: Pixels = { ...image, data: Uint8Array.of(0, 0, 0) };

/** Ids of an answer's tokens. */
export const ids = ({ tokens }: Pick<Answer, "tokens">): number[] => tokens.map(({ id }) => id);

/** Every way in which a decoder may keep its cache. */
export const CACHES: readonly FakeCache[] = (["masked", "counted", "exact"] as const).flatMap(
  (pastLayout) => [
    { pastLayout, returnsNewRows: true },
    { pastLayout, returnsNewRows: false },
  ],
);

/** Requests of unequal lengths, methods and images, some without image. */
export const REQUESTS: readonly GenerateRequest[] = [
  { prompt: "Is there a dog?", image, maxTokens: 12 },
  {
    prompt: "What is left of the large tree in this image?",
    image,
    maxTokens: 7,
    method: vcd({ alpha: 2 }),
  },
  { prompt: "Hello", maxTokens: 20 },
  { prompt: "Is there a dog?", image, maxTokens: 40, method: apc(), temperature: 1, seed: 3 },
  {
    prompt: "Is there a dog?",
    image: { ...image, data: Uint8Array.of(0, 0, 0) },
    maxTokens: 9,
    method: vcd(),
  },
];
