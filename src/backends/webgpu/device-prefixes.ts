import { BoundedCache } from "../../engine/bounded-cache.js";
import { embedPrompt } from "../onnx/embeddings.js";
import { inputOf } from "../onnx/lane.js";
import type { OnnxParts } from "../onnx/parts.js";
import type { OnnxPrompt } from "../onnx/prompt.js";
import type { DeviceDecoder, DeviceStep } from "./device-decoder.js";
import type { DevicePast } from "./device-past.js";

/** Beginnings of prompts that others may share, kept on the device within a bound. Nothing is copied: they are held. */
export class DevicePrefixes {
  readonly #parts: OnnxParts;
  readonly #cache: BoundedCache<DevicePast>;

  constructor(parts: OnnxParts) {
    this.#parts = parts;
    this.#cache = new BoundedCache(parts.memory.prefixBytes, (past) => past.release());
  }

  /**
   * Computes a prompt from the longest beginning that is known, in the same pieces whether they are known or not; the
   * caller holds what comes of it.
   */
  async prefill(decoder: DeviceDecoder, prompt: OnnxPrompt): Promise<DeviceStep> {
    const { prefixes, wholeKey, tokens } = prompt;
    const known = prefixes.map(({ key }) => this.#cache.get(key));
    const start = known.findLastIndex((past) => past !== undefined);
    let past = known[start]?.held();
    try {
      for (const { length, key } of prefixes.slice(start + 1)) {
        const step = await this.#run(decoder, prompt, past, length);
        past?.release();
        past = step.past;
        const isLast = key === prefixes.at(-1)!.key;
        if (isLast || prompt.images.some(({ span }) => span.end === length)) this.#keep(key, past);
      }
      const whole = await this.#run(decoder, prompt, past, tokens.length);
      const isNew = wholeKey !== undefined && this.#cache.get(wholeKey) === undefined;
      if (isNew) this.#keep(wholeKey, whole.past);
      return whole;
    } finally {
      past?.release();
    }
  }

  /** Forgets all of them. */
  clear(): void {
    this.#cache.clear();
  }

  #keep(key: string, past: DevicePast): void {
    this.#cache.set(key, past.held(), past.bytes);
  }

  /** Reads a prompt on to `end`, in as few runs as the decoder allows; the caller holds what comes of the last one. */
  async #run(
    decoder: DeviceDecoder,
    prompt: OnnxPrompt,
    past: DevicePast | undefined,
    end: number,
  ): Promise<DeviceStep> {
    let start = past?.length ?? 0;
    let between: DevicePast | undefined;
    while (true) {
      const next = Math.min(end, start + decoder.pieceTokens);
      let step: DeviceStep;
      try {
        step = await decoder.run({
          ...inputOf({ slot: 0, prompt }),
          past: between ?? past,
          tokens: await embedPrompt(this.#parts, prompt, start, next),
          positions: prompt.positions.planes.map((plane) => plane.subarray(start, next)),
        });
      } finally {
        between?.release();
      }
      if (next === end) return step;
      between = step.past;
      start = next;
    }
  }
}
