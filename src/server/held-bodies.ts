import { ApiError } from "./api-error.js";

/** The bytes of one request's body. */
export interface HeldBody {
  /** @throws ApiError where all requests together would hold too many */
  add(bytes: number): void;
  /** To be called once the request is done. */
  release(): void;
}

/** Counts the bytes of bodies that requests hold at once: while they arrive, wait and are answered. */
export class HeldBodies {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxMiB: number) {
    this.#maxBytes = maxMiB * 2 ** 20;
  }

  /** The body of a request, of which nothing has come. A request that is alone may have one of any size. */
  open(): HeldBody {
    let own = 0;
    return {
      add: (bytes) => {
        const ofOthers = this.#bytes - own;
        if (ofOthers > 0 && this.#bytes + bytes > this.#maxBytes) {
          throw new ApiError(
            "the server holds as much of other requests as it may; send it again later",
            { status: 429, code: "rate_limit_exceeded", retryAfter: 1 },
          );
        }
        own += bytes;
        this.#bytes += bytes;
      },
      release: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}
