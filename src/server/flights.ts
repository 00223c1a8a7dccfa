import type { Server } from "node:http";

/** Longest that a timer can wait; more would be no time at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** Counts the requests of a server that are being answered. */
export class Flights {
  #count = 0;
  #onLanded: () => void = () => {};

  constructor(server: Server) {
    server.on("request", (_, response) => {
      this.#count++;
      response.once("close", () => {
        this.#count--;
        if (this.#count === 0) this.#onLanded();
      });
    });
  }

  get count(): number {
    return this.#count;
  }

  /** Waits until there is none. @returns false where that took longer than the limit */
  async landed(limitMs: number): Promise<boolean> {
    if (this.#count === 0) return true;
    return new Promise((resolve) => {
      const limit = setTimeout(() => resolve(false), Math.min(limitMs, LONGEST_MS));
      this.#onLanded = () => {
        clearTimeout(limit);
        resolve(true);
      };
    });
  }
}
