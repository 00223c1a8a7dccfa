import { escapeHtml } from "./escape-html.js";

/**
 * A sentence whose evidence, the outermost parentheses with an interval in them, is shown on demand, as intervals are
 * elsewhere on the page.
 */
export function evidenceOnDemand(sentence: string): string {
  return `<span title="${escapeHtml(sentence)}">${parts(sentence)
    .map((part) =>
      /^ ?\(.*95% interval/s.test(part)
        ? `<span class="sure">${escapeHtml(part)}</span>`
        : escapeHtml(part),
    )
    .join("")}</span>`;
}

/** The text between outermost parentheses and they themselves, with the space before them; whole where they do not close. */
function parts(text: string): string[] {
  const found: string[] = [];
  let [depth, from, open] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === "(" && depth++ === 0) open = text[i - 1] === " " ? i - 1 : i;
    if (sign === ")" && depth > 0 && --depth === 0) {
      found.push(text.slice(from, open), text.slice(open, i + 1));
      from = i + 1;
    }
  }
  return [...found, text.slice(from)];
}
