import type { JSX } from "preact";
import type { PhraseEvidence } from "../src/diagnose/contract/explanation.js";
import { number, probability } from "./format.js";
import { select, trace } from "./state.js";

const KINDS: Readonly<Record<PhraseEvidence["kind"], string>> = {
  object: "object",
  "relation-action": "relation or action",
  relation: "relation",
};

/** All phrases that were assessed, the doubtful ones first. */
export function PhraseList(): JSX.Element | null {
  const { phrases } = trace.value!;
  if (phrases.length === 0) return null;
  const sorted = [...phrases].sort(
    (a, b) => Number(b.doubtful) - Number(a.doubtful) || (a.trust ?? 1) - (b.trust ?? 1),
  );
  return (
    <section class="phrases" aria-labelledby="phrases-title">
      <h2 id="phrases-title">Phrases</h2>
      <ul>
        {sorted.map((phrase) => (
          <li key={`${phrase.kind} ${phrase.start}`} class={phrase.doubtful ? "doubtful" : ""}>
            <button type="button" onClick={() => select(phrase.tokens[0])}>
              {phrase.text}
            </button>{" "}
            {summaryOf(phrase)}
            {phrase.reasons.length > 0 && (
              <small class="reasons">{phrase.reasons.join("; ")}</small>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is told of one phrase. */
export function PhraseCard({ phrase }: { phrase: PhraseEvidence }): JSX.Element {
  const signals = Object.entries(phrase.signals);
  return (
    <section class={phrase.doubtful ? "phrase doubtful" : "phrase"}>
      <p>
        <b>{phrase.text}</b> {summaryOf(phrase)}
      </p>
      {phrase.reasons.length > 0 && (
        <ul>
          {phrase.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {signals.length > 0 && (
        <details>
          <summary>Signals</summary>
          <dl class="facts">
            {signals.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value === null ? "not read" : number(value)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function summaryOf({ kind, object, text, trust, doubtful, cause }: PhraseEvidence): string {
  return [
    doubtful ? "doubtful" : trust === null ? "not assessed" : "no doubt",
    ...(trust === null ? [] : [`trust ${probability(trust)}`]),
    KINDS[kind],
    ...(object === undefined || object === text ? [] : [`a ${object}`]),
    ...(cause === undefined ? [] : [`cause: ${cause}`]),
  ].join(" \u00b7 ");
}
