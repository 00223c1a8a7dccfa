/** Hands values from a producer to one asynchronous iteration, in order; values wait until they are asked for. */
export class PieceQueue<Value> {
  readonly #values: Value[] = [];
  #outcome: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(value: Value): void {
    this.#values.push(value);
    this.#wake?.();
  }

  /** Ends the iteration after the values pushed so far. */
  end(): void {
    this.#outcome ??= {};
    this.#wake?.();
  }

  /** Makes the iteration throw after the values pushed so far. */
  fail(error: unknown): void {
    this.#outcome ??= { error };
    this.#wake?.();
  }

  /** @param onLeave called when the iteration ends, also when the consumer leaves it early */
  async *iterate(onLeave: () => void): AsyncGenerator<Value, void, undefined> {
    try {
      for (;;) {
        while (this.#values.length > 0) yield this.#values.shift()!;
        if (this.#outcome !== undefined) {
          if ("error" in this.#outcome) throw this.#outcome.error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      onLeave();
    }
  }
}
