import type { MethodRun } from "../engine/method.js";
import { verifyObjects } from "./ask-back.js";
import { type DraftText, draftReader } from "./read-draft.js";

/** How objects are asked about, and above which margin one is doubtful. */
interface CheckSettings {
  readonly wording: string;
  readonly threshold: number;
}

/** Asks about each object once. */
export class ObjectChecker {
  readonly read: (ids: readonly number[]) => DraftText;
  readonly #run: MethodRun;
  readonly #settings: CheckSettings;
  readonly #margins = new Map<string, number>();

  constructor(run: MethodRun, settings: CheckSettings & { readonly objects: string | null }) {
    this.read = draftReader(run.model, settings.objects);
    this.#run = run;
    this.#settings = settings;
  }

  /** The margins of all objects that were asked about. */
  get margins(): Record<string, number> {
    return Object.fromEntries(this.#margins);
  }

  /** Asks about the objects of some drafts that are not known yet, all together. */
  async ask(drafts: readonly DraftText[]): Promise<void> {
    const named = drafts.flatMap(({ mentions }) => mentions.map(({ object }) => object));
    const fresh = [...new Set(named)].filter((object) => !this.#margins.has(object));
    const margins = await verifyObjects(this.#run, fresh, this.#settings.wording);
    fresh.forEach((object, i) => {
      this.#margins.set(object, margins[i]!);
    });
  }

  /** How far no is ahead of yes for an object that was asked about. */
  margin(object: string): number {
    return this.#margins.get(object)!;
  }

  /** Above which margin an object is doubtful. */
  get threshold(): number {
    return this.#settings.threshold;
  }

  /** Whether an object that was asked about is doubtful. */
  doubts({ object }: { readonly object: string }): boolean {
    return this.margin(object) > this.threshold;
  }
}
