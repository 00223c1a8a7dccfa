import type { RunSettings } from "../store/run-settings.js";
import type { SplitPart, TunedMark } from "../store/tuned.js";

/**
 * What a reader must know of how settings were chosen, a line each: which were tuned and on what, and of which methods
 * the run has several settings. Empty where each method has one that nobody tuned.
 */
export function settingsText(settings: RunSettings): string[] {
  const tuned = Object.entries(settings.tuned ?? {}).map(
    ([method, mark]) => `${method}: ${tunedText(mark, settings.model.hash)}.`,
  );
  return [...tuned, ...severalSettings(settings)];
}

/** For example `tuned on dev of pope (n = 600 about 100 images, split seed 0): the best of 6 settings, greedy`. */
export function tunedText(
  { sets, split, questions, images, tried, decoding, model }: TunedMark,
  hash: string | undefined,
): string {
  const seed = split === null ? "" : `, split seed ${split.seed}`;
  const best = tried === 1 ? "the only setting" : `the best of ${tried} settings`;
  const other = model.hash === hash ? "" : `, on another checkpoint (${model.id})`;
  return (
    `tuned on dev of ${sets.join(", ")} (n = ${questions} about ${images} images${seed}): ` +
    `${best}, ${decoding}${other}`
  );
}

/** For example `dev part (20% of the images, split seed 0)`. */
export function splitText({ part, share, seed }: SplitPart): string {
  const percent = Math.round(1000 * (part === "dev" ? share : 1 - share)) / 10;
  return `${part} part (${percent}% of the images, split seed ${seed})`;
}

const TUNING =
  "To choose one of them by these figures is to tune it: its own figure is that of other questions (groundsight tune, then eval --settings).";

function severalSettings({ series }: RunSettings): string[] {
  const names = [...new Set(series.map(({ method }) => method))];
  const byKind = new Map<string, string[]>();
  for (const name of names) {
    // Of `vti:image=0.4+vcd:alpha=2`: vti+vcd.
    const kind = name.replaceAll(/:[^+]*/g, "");
    byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  }
  return [...byKind].flatMap(([kind, members]) =>
    members.length === 1
      ? []
      : [`${kind} has ${members.length} settings in this run (${members.join(", ")}). ${TUNING}`],
  );
}
