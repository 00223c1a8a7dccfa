import type { Tensors } from "../onnx/runtime.js";

/**
 * What a decoder keeps of the first tokens of a context, in tensors on the device. Immutable: more tokens make another one.
 *
 * What holds it counts: contexts, and the cache of shared beginnings. The tensors are freed when nothing does.
 */
export class DevicePast {
  /** Tokens held. */
  readonly length: number;
  readonly bytes: number;
  /** By the names of the decoder's inputs. */
  readonly tensors: Tensors;
  #holders = 1;

  /** Whoever makes it holds it. */
  constructor(length: number, bytes: number, tensors: Tensors) {
    this.length = length;
    this.bytes = bytes;
    this.tensors = tensors;
  }

  /** One more holds it. */
  held(): this {
    this.#holders++;
    return this;
  }

  /** One holds it no longer. */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    for (const tensor of Object.values(this.tensors)) tensor.dispose();
  }
}
