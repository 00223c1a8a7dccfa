/** Server-sent events as a response's body. What is sent is kept until it is read: send no more than a bounded answer. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #utf8 = new TextEncoder();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isFresh = false;

  readonly #unreadMs: number;

  /**
   * @param keepAliveMs after so long a silence a comment is sent
   * @param unreadMs so long after its end what has not been read is dropped
   * @param onCancel called where the reader goes away
   */
  constructor(keepAliveMs: number, unreadMs: number, onCancel: (reason: unknown) => void) {
    this.#unreadMs = unreadMs;
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: (reason) => {
        this.#close();
        onCancel(reason);
      },
    });
    this.#timer = setInterval(() => this.#keepAlive(), keepAliveMs);
  }

  /** Sends a value as JSON. */
  send(value: unknown): void {
    this.#write(`data: ${JSON.stringify(value)}\n\n`);
  }

  /** Ends the stream. */
  end(last?: string): void {
    if (last !== undefined) this.#write(`data: ${last}\n\n`);
    const controller = this.#close();
    controller?.close();
    // Does nothing where all has been read.
    const drop = () => controller?.error(new Error("the answer was not read"));
    const timer: { unref?: () => void } = setTimeout(drop, this.#unreadMs);
    timer.unref?.();
  }

  #write(text: string): void {
    this.#isFresh = true;
    this.#controller?.enqueue(this.#utf8.encode(text));
  }

  /** Nothing is added for a reader that has not read what is there. */
  #keepAlive(): void {
    if (!this.#isFresh && (this.#controller?.desiredSize ?? 0) > 0) this.#write(": waiting\n\n");
    this.#isFresh = false;
  }

  #close(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller;
    this.#controller = undefined;
    clearInterval(this.#timer);
    return controller;
  }
}
