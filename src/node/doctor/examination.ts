import { AbortedError, GroundsightError } from "../../errors.js";

/** What `diagnose` looks at, in order. */
export type CheckName =
  | "place"
  | "config"
  | "files"
  | "embed_tokens"
  | "vision_encoder"
  | "decoder_model_merged"
  | "weights"
  | "tokenizer"
  | "chat-template"
  | "image-processor"
  | "family"
  | "settings"
  | "image"
  | "interfaces"
  | "opens"
  | "prompt"
  | "numbers"
  | "cache"
  | "steering"
  | "stock-image"
  | "stock-prompt"
  | "stock-tokens";

/** One thing that was looked at. */
export interface Check {
  readonly name: CheckName;
  readonly status: "pass" | "fault" | "skipped";
  /** What was found; why it was skipped. */
  readonly detail: string;
  /** What to do about a fault. */
  readonly remedy?: string;
}

/** What a check found, with what further checks are to work on. */
export type Finding<T> =
  | { readonly status: "pass"; readonly detail: string; readonly value: T }
  | { readonly status: "fault"; readonly detail: string; readonly remedy: string }
  | { readonly status: "skipped"; readonly detail: string };

/** All is well. */
export function passed(detail: string): Finding<true>;
export function passed<T>(detail: string, value: T): Finding<T>;
export function passed(detail: string, value: unknown = true): Finding<unknown> {
  return { status: "pass", detail, value };
}

/** Something is wrong, and what to do about it. */
export function fault(detail: string, remedy: string): Finding<never> {
  return { status: "fault", detail, remedy };
}

/** Not looked at, and why. */
export function skipped(reason: string): Finding<never> {
  return { status: "skipped", detail: reason };
}

/** How a check is made. */
export interface CheckOptions {
  /** Checks that must have passed, without which this one says nothing. */
  readonly after?: readonly CheckName[];
  /** What to do where the check throws. */
  readonly remedy: string;
}

/** Checks one after another: what one throws is its fault, and those that need it are skipped. */
export class Examination {
  readonly #checks: Check[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #onCheck: ((check: Check) => void) | undefined;

  constructor(signal: AbortSignal | undefined, onCheck: ((check: Check) => void) | undefined) {
    this.#signal = signal;
    this.#onCheck = onCheck;
  }

  get checks(): readonly Check[] {
    return this.#checks;
  }

  /**
   * Makes a check.
   *
   * @returns what it found for further ones; undefined where it did not pass
   * @throws AbortedError when the signal fires
   */
  async check<T>(
    name: CheckName,
    { after = [], remedy }: CheckOptions,
    run: () => Promise<Finding<T>> | Finding<T>,
  ): Promise<T | undefined> {
    if (this.#signal?.aborted) {
      throw new AbortedError(`aborted before the check ${name}`, { cause: this.#signal.reason });
    }
    const lacking = after.find((needed) => this.#statusOf(needed) !== "pass");
    if (lacking !== undefined) {
      this.#add({ name, status: "skipped", detail: `it needs ${lacking}, which did not pass` });
      return undefined;
    }
    let finding: Finding<T>;
    try {
      finding = await run();
    } catch (error) {
      if (GroundsightError.isInstance(error) && error.code === "ABORTED") throw error;
      const { message = String(error) } = error as Error;
      finding = fault(
        GroundsightError.isInstance(error) ? message : `unforeseen: ${message}`,
        remedy,
      );
    }
    const { status, detail } = finding;
    this.#add({
      name,
      status,
      detail,
      ...(finding.status === "fault" ? { remedy: finding.remedy } : {}),
    });
    return finding.status === "pass" ? finding.value : undefined;
  }

  #statusOf(name: CheckName): Check["status"] | undefined {
    return this.#checks.find((check) => check.name === name)?.status;
  }

  #add(check: Check): void {
    this.#checks.push(check);
    this.#onCheck?.(check);
  }
}
