/** What one step of one context gives. */
export interface StepOutputs {
  /**
   * Raw logits (V) of the next token; they belong to the answer until the next step and may be overwritten.
   * Where the engine saw only some of them (`known`), they are log-probabilities, and every other token has the value
   * `floor`.
   */
  readonly logits: Float32Array;
  /**
   * For engines that return only the k best log-probabilities: their ids, and the bound that every other token lies
   * below. Absent where all V logits are exact. Tokens that the first stream's engine did not see are never chosen.
   */
  readonly known?: { readonly ids: Int32Array; readonly floor: number };
  /** What the stream's graph edits read out (see GraphEdit.outputs), by name, for example logits behind an early layer. */
  readonly readings?: Readonly<Record<string, Float32Array>>;
}
