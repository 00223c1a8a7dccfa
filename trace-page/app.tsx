import type { JSX } from "preact";
import type { Explanation } from "../src/diagnose/contract/explanation.js";
import { Answer } from "./answer.js";
import { Colours } from "./colours.js";
import { counted, number, probability } from "./format.js";
import { KeysHelp, openHelp } from "./keys.js";
import { openFile } from "./open-trace.js";
import { PhraseList } from "./phrases.js";
import { Picture } from "./picture.js";
import { measure, problem, readings, selected, trace } from "./state.js";
import { TokenDetail } from "./token-detail.js";

/** The whole page. */
export function App(): JSX.Element {
  const shown = trace.value;
  return (
    <>
      {problem.value !== "" && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {shown === null ? <Empty /> : <Trace shown={shown} />}
      <KeysHelp />
    </>
  );
}

function Empty(): JSX.Element {
  return (
    <main class="empty">
      <h1>Open a trace</h1>
      <p>
        Drop a trace file anywhere on this page, or choose one. <code>groundsight explain</code>{" "}
        with <code>--out trace.json</code> writes them. The file stays in this browser.
      </p>
      <Chooser label="Choose a file" />
    </main>
  );
}

function Chooser({ label }: { label: string }): JSX.Element {
  return (
    <label class="chooser">
      <span>{label}</span>
      <input
        type="file"
        accept=".json,application/json"
        onChange={({ currentTarget: input }) => {
          const [file] = input.files ?? [];
          if (file !== undefined) void openFile(file);
          input.value = "";
        }}
      />
    </label>
  );
}

function Trace({ shown }: { shown: Explanation }): JSX.Element {
  return (
    <>
      <header class="top">
        <p class="question">
          <span class="unseen">Question: </span>
          {shown.question}
        </p>
        <div class="buttons">
          <Chooser label={"Open\u2026"} />
          <button type="button" onClick={openHelp}>
            Keys (?)
          </button>
        </div>
      </header>
      <main>
        <div class="left">
          <section aria-label="Image">
            <Picture />
          </section>
          <section aria-label="Answer">
            <Answer />
            <Colours />
          </section>
        </div>
        <section class="detail" aria-label="Evidence of the token">
          <TokenDetail />
        </section>
        <div class="below">
          <p class="note">{measure.value.summary}</p>
          <PhraseList />
          {shown.warnings.map((warning) => (
            <p key={warning} class="warning">
              {warning}
            </p>
          ))}
        </div>
      </main>
      <footer class="note">{madeBy(shown)}</footer>
      <p class="unseen" role="status">
        {spoken(shown)}
      </p>
    </>
  );
}

function madeBy({ model, base, generated, tokens, settings, seed }: Explanation): string {
  const against =
    base === null
      ? "no base LLM"
      : base.kind === "base-llm"
        ? `base LLM ${base.id}`
        : `base LLM approximated by ${base.id} without the image`;
  return [
    `${model.id} (${model.dtype}, ${model.hash.slice(0, 12)})`,
    against,
    `answer ${generated ? "generated" : "given"}, ${counted(tokens.length, "token")}`,
    `\u03b2 ${settings.beta}, noise step ${settings.noiseStep}, seed ${seed}`,
  ].join(" \u00b7 ");
}

/** What a screen reader is told of a choice. */
function spoken({ tokens, phrases }: Explanation): string {
  const at = selected.value;
  const token = at === null ? undefined : tokens[at];
  if (at === null || token === undefined) return `Coloured by ${measure.value.label}`;
  const doubtful = phrases.filter(
    ({ tokens: [first, end], doubtful: is }) => is && first <= at && at < end,
  );
  const reading = readings.value.tokens[at];
  return [
    token.text.trim(),
    `token ${at + 1} of ${tokens.length}`,
    `probability ${probability(token.probability)}`,
    ...(reading == null || measure.value.name === "probability"
      ? []
      : [`${measure.value.label} ${reading.value}`]),
    ...(token.imageless === null || measure.value.name === "imageless"
      ? []
      : [`the image adds ${number(token.imageless.difference)} nats`]),
    ...(token.base === null ? [] : [`base rank ${token.base.rank}, ${token.base.shift}`]),
    ...doubtful.map(({ text, reasons }) => `${text} is doubtful: ${reasons.join("; ")}`),
  ].join(", ");
}
