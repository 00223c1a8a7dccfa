import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Explanation, TokenEvidence } from "../src/diagnose/contract/explanation.js";
import { MEASURES, type Measure } from "./measures.js";

/** What is shown; null before a trace is open. */
export const trace: Signal<Explanation | null> = signal(null);
/** What went wrong on opening; empty where nothing did. */
export const problem: Signal<string> = signal("");
/** The token that was chosen, and the one that is pointed at, by their places. */
export const selected: Signal<number | null> = signal(null);
export const hovered: Signal<number | null> = signal(null);
/** Of the map over the image, 0 to 1. */
export const opacity: Signal<number> = signal(0.7);

const chosenMeasure: Signal<string> = signal("");

/** Measures of which the trace holds values. */
export const measures: ReadonlySignal<readonly Measure[]> = computed(() => {
  const shown = trace.value;
  return shown === null ? [] : MEASURES.filter((measure) => measure.isIn(shown));
});

/** What words are coloured by. */
export const measure: ReadonlySignal<Measure> = computed(
  () =>
    measures.value.find(({ name }) => name === chosenMeasure.value) ??
    measures.value[0] ??
    MEASURES[0]!,
);

/** Its scale, and what it says of each token. */
export const readings: ReadonlySignal<ReturnType<Measure["read"]>> = computed(() =>
  trace.value === null ? { steps: [], tokens: [] } : measure.value.read(trace.value),
);

/** The token whose evidence is told: the one pointed at, else the chosen one. */
export const shownIndex: ReadonlySignal<number | null> = computed(
  () => hovered.value ?? selected.value,
);
export const shownToken: ReadonlySignal<TokenEvidence | null> = computed(() =>
  shownIndex.value === null ? null : (trace.value?.tokens[shownIndex.value] ?? null),
);

/** Shows a trace, at the token and by the measure that the address names. */
export function show(explanation: Explanation): void {
  const named = trace.value === null ? new URLSearchParams(location.hash.slice(1)) : null;
  const token = named?.get("token") ?? "";
  const index = /^\d+$/.test(token) ? Number(token) - 1 : -1;
  problem.value = "";
  hovered.value = null;
  trace.value = explanation;
  selected.value = index in explanation.tokens ? index : null;
  if (named !== null) chosenMeasure.value = named.get("by") ?? "";
  document.title = `Trace: ${explanation.answer.slice(0, 60)}`;
}

/** Chooses a token; beyond the ends, the first or last one. */
export function select(index: number | null): void {
  const last = (trace.value?.tokens.length ?? 0) - 1;
  selected.value = index === null || last < 0 ? null : Math.min(Math.max(index, 0), last);
  hovered.value = null;
  keepInAddress();
}

export function colourBy(name: string): void {
  chosenMeasure.value = name;
  keepInAddress();
}

/** The next measure, after the last one the first. */
export function nextMeasure(): void {
  const at = measures.value.indexOf(measure.value);
  const next = measures.value[(at + 1) % measures.value.length];
  if (next !== undefined) colourBy(next.name);
}

/** The next doubtful phrase behind the chosen token, or the one before. */
export function selectDoubtful(step: 1 | -1): void {
  const starts = (trace.value?.phrases ?? [])
    .filter(({ doubtful, tokens: [first, end] }) => doubtful && first < end)
    .map(({ tokens: [first] }) => first)
    .sort((a, b) => a - b);
  const at = selected.value ?? (step === 1 ? -1 : Number.POSITIVE_INFINITY);
  const next = step === 1 ? starts.find((i) => i > at) : starts.findLast((i) => i < at);
  if (next !== undefined) select(next);
}

function keepInAddress(): void {
  const kept = new URLSearchParams();
  if (selected.value !== null) kept.set("token", String(selected.value + 1));
  if (measure.value !== measures.value[0]) kept.set("by", measure.value.name);
  history.replaceState(null, "", `#${kept}`);
}
