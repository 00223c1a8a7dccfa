import type { JSX } from "preact";
import { nextMeasure, select, selectDoubtful, selected, trace } from "./state.js";

const HELP: readonly (readonly [keys: string, what: string])[] = [
  ["\u2190 \u2192", "previous and next token"],
  ["\u2191 \u2193", "the line above and below, within the answer"],
  ["Home, End", "first and last token, within the answer"],
  ["n, p", "next and previous doubtful phrase"],
  ["/", "colour by the next measure"],
  ["Esc", "choose no token"],
  ["?", "this help"],
];

/** Opens the help. */
export function openHelp(): void {
  document.querySelector<HTMLDialogElement>("#keys")?.showModal();
}

export function KeysHelp(): JSX.Element {
  return (
    <dialog id="keys" aria-label="Keys">
      <h2>Keys</h2>
      <table>
        <tbody>
          {HELP.map(([keys, what]) => (
            <tr key={keys}>
              <th scope="row">{keys}</th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

type Keys = Readonly<Record<string, (at: number | null) => void>>;

const LAST = Number.MAX_SAFE_INTEGER;
const MOVES: Keys = {
  ArrowRight: (at) => select(at === null ? 0 : at + 1),
  ArrowLeft: (at) => select(at === null ? LAST : at - 1),
  n: () => selectDoubtful(1),
  p: () => selectDoubtful(-1),
};
/** Elsewhere these scroll the page. */
const MOVES_IN_ANSWER: Keys = {
  ArrowDown: (at) => select(at === null ? 0 : byLine(at, 1)),
  ArrowUp: (at) => select(at === null ? LAST : byLine(at, -1)),
  Home: () => select(0),
  End: () => select(LAST),
};
const OTHERS: Keys = { "/": nextMeasure, "?": openHelp, Escape: () => select(null) };

/** Listens to keys, except where they have a meaning of their own. */
export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (trace.value === null || document.querySelector("dialog[open]") !== null) return;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (act(event, MOVES)) follow();
    else act(event, OTHERS);
  });
}

/** Keys that move from line to line, and to the ends. */
export function keyInAnswer(event: KeyboardEvent): void {
  if (act(event, MOVES_IN_ANSWER)) follow();
}

function act(event: KeyboardEvent, keys: Keys): boolean {
  const action = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
  if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return false;
  event.preventDefault();
  action(selected.value);
  return true;
}

/** The token above or below another one: on the next line, the one that begins nearest. */
function byLine(index: number, step: 1 | -1): number {
  const from = placeOf(index);
  if (from === undefined) return index;
  let best: { index: number; away: number; top: number } | undefined;
  for (let i = index + step; ; i += step) {
    const place = placeOf(i);
    if (place === undefined) break;
    if (Math.abs(place.top - from.top) < from.height / 2) continue;
    if (best !== undefined && Math.abs(place.top - best.top) > from.height / 2) break;
    const away = Math.abs(place.left - from.left);
    if (best === undefined || away < best.away) best = { index: i, away, top: place.top };
  }
  return best?.index ?? (step === 1 ? LAST : 0);
}

function placeOf(index: number): DOMRect | undefined {
  return document.getElementById(`token-${index}`)?.getBoundingClientRect();
}

/** Readers that follow the focus hear the chosen token, and it stays in sight. */
function follow(): void {
  document.getElementById("answer")?.focus({ preventScroll: true });
  document.getElementById(`token-${selected.value}`)?.scrollIntoView({ block: "nearest" });
}
