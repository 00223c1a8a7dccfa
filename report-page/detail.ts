import { type PageQuestion, type PageSeries, variantIndex } from "../src/eval/report/page-data.js";
import { stretches } from "./differences.js";
import { element } from "./elements.js";
import { seriesName } from "./state.js";

const OUTCOMES: Readonly<Record<string, string>> = {
  r: "right",
  w: "wrong",
  u: "unparsed",
  n: "",
  ".": "no answer",
};

/** A question with its image and the answers of two series. */
export function detailOf(
  question: PageQuestion,
  index: number,
  left: PageSeries,
  right: PageSeries,
): HTMLElement[] {
  const [one, other] = [left, right].map((series) => textOf(question, series, index));
  return [
    element(
      "div",
      { class: "asked" },
      element("p", { class: "prompt" }, question.prompt),
      element("p", { class: "note" }, `Truth: ${question.truth} · question ${question.id}`),
      pictureOf(question),
    ),
    element(
      "div",
      { class: "pair" },
      answerOf(question, left, index, other ?? null),
      answerOf(question, right, index, one ?? null),
    ),
  ];
}

function pictureOf({ picture, image, prompt }: PageQuestion): HTMLElement | string {
  if (image === null) return "";
  if (picture === null) {
    return element("p", { class: "note" }, `Image ${image}: the report has no copy of it.`);
  }
  const shown = element("img", { src: picture, alt: `Image of the question: ${prompt}` });
  // Pixels of tiny images are shown as they are, not smoothed.
  shown.addEventListener("load", () => {
    if (shown.naturalWidth < 160) shown.classList.add("tiny");
  });
  return element("a", { href: picture, target: "_blank", rel: "noopener" }, shown);
}

function textOf(question: PageQuestion, series: PageSeries, index: number): string | null {
  const variant = variantIndex(series.variants[index]);
  return variant === null ? null : (question.answers[variant]?.text ?? null);
}

function answerOf(
  question: PageQuestion,
  series: PageSeries,
  index: number,
  other: string | null,
): HTMLElement {
  const mark = series.outcomes[index] ?? ".";
  const variant = variantIndex(series.variants[index]);
  const given = variant === null ? undefined : question.answers[variant];
  const head = element("h3", {}, seriesName(series), " ");
  if (OUTCOMES[mark])
    head.append(
      element("span", { class: `outcome ${mark === "." ? "none" : mark}` }, OUTCOMES[mark]),
    );
  const text = element("blockquote");
  if (given === undefined) text.append(element("i", {}, "no answer"));
  else if (given.text === "") text.append(element("i", {}, "empty"));
  else if (other === null) text.append(given.text);
  else text.append(...markedText(given.text, other));
  return element(
    "article",
    {},
    head,
    text,
    element("p", { class: "note" }, given?.explanation ?? ""),
  );
}

function markedText(text: string, other: string): (Node | string)[] {
  return stretches(text, other).map((one) => (one.only ? element("mark", {}, one.text) : one.text));
}
