import type { JSX } from "preact";
import type { LikelyToken, TokenEvidence } from "../src/diagnose/contract/explanation.js";
import { number, probability, signed, visible } from "./format.js";
import { PhraseCard } from "./phrases.js";
import { MapText } from "./picture.js";
import { select, shownIndex, shownToken, trace } from "./state.js";

/** The evidence of the token that is shown. */
export function TokenDetail(): JSX.Element {
  const token = shownToken.value;
  const index = shownIndex.value;
  const { tokens, phrases, base } = trace.value!;
  if (token === null || index === null)
    return (
      <p class="note hint">
        Point at a word, tap it, or press {"\u2192"}: its evidence stands here.
      </p>
    );
  const around = phrases.filter(({ tokens: [first, end] }) => first <= index && index < end);
  return (
    <>
      <header>
        <h2>
          <q>{visible(token.text)}</q> <small>{`token ${index + 1} of ${tokens.length}`}</small>
        </h2>
        <button type="button" aria-label="Previous token" onClick={() => select(index - 1)}>
          {"\u2190"}
        </button>
        <button type="button" aria-label="Next token" onClick={() => select(index + 1)}>
          {"\u2192"}
        </button>
      </header>
      {around.map((phrase) => (
        <PhraseCard key={phrase.start} phrase={phrase} />
      ))}
      <Facts token={token} />
      {token.map !== undefined && <MapText map={token.map} text={token.text} />}
      <div class="views">
        <View title="As it is" token={token} logprob={token.logprob} top={token.top} />
        {token.distorted !== null && (
          <View title="Image under noise" token={token} {...token.distorted} />
        )}
        {token.imageless !== null && (
          <View title="Without the image" token={token} {...token.imageless} />
        )}
        {token.base !== null && (
          <View
            title={base?.kind === "base-llm" ? "Base LLM" : "Base LLM (approximated)"}
            token={token}
            logprob={token.base.logprob}
            top={token.base.top}
            note={`rank ${token.base.rank}: ${token.base.shift}`}
          />
        )}
      </div>
    </>
  );
}

function Facts({ token }: { token: TokenEvidence }): JSX.Element {
  const facts: readonly (readonly [name: string, value: string, title: string])[] = [
    ["Probability", probability(token.probability), "of the token in its place, with the image"],
    ["Rank", String(token.rank), "how many tokens the model found likelier"],
    ["Entropy", `${number(token.entropy)} nats`, "how unsure the model was in this place"],
    ["Plausible", String(token.plausible), "tokens within the plausibility cut (VCD's V_head)"],
    ["Elbow", String(token.elbow), "tokens in front of the knee of the sorted probabilities"],
    ...(token.attention === undefined
      ? []
      : [["Attention", token.attention.toFixed(3), "share that lies on the image"] as const]),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ViewProperties {
  readonly title: string;
  readonly token: TokenEvidence;
  readonly logprob: number;
  readonly top: readonly LikelyToken[];
  readonly difference?: number;
  readonly divergence?: number;
  readonly note?: string;
}

/** What one way of seeing the question finds likely, with the answer's own token among it. */
function View(properties: ViewProperties): JSX.Element {
  const { title, token, logprob, top, difference, divergence, note } = properties;
  const own = { id: token.id, text: token.text, logprob };
  const rows = top.some(({ id }) => id === token.id) ? top : [...top, own];
  return (
    <section>
      <h3>{title}</h3>
      <ol>
        {rows.map((row) => (
          <Likely key={row.id} likely={row} isOwn={row.id === token.id} />
        ))}
      </ol>
      {difference !== undefined && (
        <p
          class="note"
          title="ln p as it is less ln p here: above 0, what is missing here speaks for the token"
        >
          difference <b>{signed(difference)}</b> nats
        </p>
      )}
      {divergence !== undefined && (
        <p class="note" title="KL divergence of the whole distribution">
          divergence <b>{number(divergence)}</b> nats
        </p>
      )}
      {note !== undefined && <p class="note">{note}</p>}
    </section>
  );
}

function Likely({ likely, isOwn }: { likely: LikelyToken; isOwn: boolean }): JSX.Element {
  const share = Math.exp(likely.logprob);
  return (
    <li class={isOwn ? "own" : ""} style={{ "--share": Math.min(share, 1) }}>
      <span>
        {isOwn && (
          <>
            <span class="unseen">the answer's token: </span>
            <b aria-hidden="true">{"\u25b8"}</b>
          </>
        )}
        {visible(likely.text)}
      </span>
      <span title={`ln p = ${number(likely.logprob)}`}>{probability(share)}</span>
    </li>
  );
}
