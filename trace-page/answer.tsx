import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Explanation } from "../src/diagnose/contract/explanation.js";
import { visible } from "./format.js";
import { keyInAnswer } from "./keys.js";
import { hovered, measure, readings, select, selected, shownIndex, trace } from "./state.js";

/** A token as it is laid out: what stands in front of it and belongs to no word, its word, and what follows. */
interface Laid {
  readonly before: string;
  readonly word: string;
  readonly after: string;
  /** Whether it has no letters of its own: white space, the end, a part of a character. */
  readonly bare: boolean;
}

/** The answer's tokens, coloured by the chosen measure. One is chosen by pointer or by keys. */
export function Answer(): JSX.Element {
  const shown = trace.value!;
  const box = useRef<HTMLDivElement>(null);
  const laid = useMemo(() => layOut(shown), [shown]);
  const doubtful = useMemo(() => lastOfDoubtful(shown), [shown]);
  const { tokens } = readings.value;
  const { name, label } = measure.value;
  useSignalEffect(() => markToken(box.current!, shownIndex.value, selected.value));
  return (
    <div
      id="answer"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label={`Tokens of the answer, coloured by ${label}`}
      onClick={(event) => {
        const index = indexAt(event.target);
        if (index !== null) select(index);
      }}
      onKeyDown={keyInAnswer}
      onPointerOver={(event) => {
        if (event.pointerType === "mouse") hovered.value = indexAt(event.target);
      }}
      onPointerLeave={() => {
        hovered.value = null;
      }}
    >
      {laid.map(({ before, word, after, bare }, i) => {
        const reading = tokens[i];
        const marks = [
          "token",
          reading?.step.tone ?? "plain",
          ...(bare ? ["bare"] : []),
          ...(name === "trust" && doubtful.has(i) ? ["doubt"] : []),
        ];
        return (
          <>
            {before}
            <span
              id={`token-${i}`}
              key={`token-${i}`}
              role="option"
              tabIndex={-1}
              class={marks.join(" ")}
              aria-label={reading == null ? word : `${word}: ${reading.value}`}
            >
              {word}
            </span>
            {after}
          </>
        );
      })}
      {laid.length === 0 && <em>The answer has no tokens.</em>}
    </div>
  );
}

/** Changes the two tokens that a choice concerns, and leaves thousands of others alone. */
function markToken(box: HTMLElement, shown: number | null, chosen: number | null): void {
  for (const old of box.querySelectorAll(".shown, [aria-selected]")) {
    old.classList.remove("shown");
    old.removeAttribute("aria-selected");
  }
  if (shown !== null) box.querySelector(`#token-${shown}`)?.classList.add("shown");
  box.removeAttribute("aria-activedescendant");
  if (chosen === null) return;
  box.setAttribute("aria-activedescendant", `token-${chosen}`);
  box.querySelector(`#token-${chosen}`)?.setAttribute("aria-selected", "true");
}

function indexAt(target: EventTarget | null): number | null {
  const token = target instanceof Element ? target.closest(".token") : null;
  return token === null ? null : Number(token.id.slice("token-".length));
}

function layOut({ answer, tokens }: Explanation): Laid[] {
  let done = 0;
  return tokens.map(({ start, end, text }, i) => {
    const gap = answer.slice(done, start);
    const own = answer.slice(start, end);
    const word = own.trim();
    const rest = i === tokens.length - 1 ? answer.slice(end) : "";
    done = end;
    if (word === "")
      return {
        before: gap,
        word: visible(text),
        after: own.trimStart() + lines(own) + rest,
        bare: true,
      };
    const lead = own.length - own.trimStart().length;
    return {
      before: gap + own.slice(0, lead),
      word,
      after: own.slice(lead + word.length) + rest,
      bare: false,
    };
  });
}

/** Of white space, the breaks of lines. */
function lines(text: string): string {
  return text.replaceAll(/[^\n]/g, "");
}

function lastOfDoubtful({ phrases }: Explanation): ReadonlySet<number> {
  return new Set(phrases.filter(({ doubtful }) => doubtful).map(({ tokens: [, end] }) => end - 1));
}
