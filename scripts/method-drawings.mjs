/**
 * Draws what each method does: what its streams see, where its model is changed, how their logits become scores.
 * Writes docs/methods/<name>.svg for every method, and the list in docs/methods/README.md. The bars are made-up numbers,
 * put through the method's formula.
 *
 *     npm run build && node scripts/method-drawings.mjs
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DRAWINGS } from "./method-drawings-data.mjs";

const WIDTH = 760;
const ROW = 104;
const TOKENS = ["cup", "fork", "dog"];
const STYLE =
  ".s{fill:#1c2024;font:13px system-ui,sans-serif}.q{fill:#5b6470;font:12px system-ui,sans-serif}" +
  ".f{fill:#1c2024;font:13px ui-monospace,monospace}.l{stroke:#5b6470;fill:none;stroke-width:1.5}" +
  ".b{fill:#f4f6f8;stroke:#5b6470}.p{fill:#fff}.d{stroke-dasharray:4 3}.t{stroke:#b6bec8;stroke-width:5}" +
  ".m{stroke:#d55e00;stroke-width:5}.a{fill:#0072b2}.o{fill:#d55e00}.x{fill:#b6bec8}.n{fill:#d55e00}" +
  "@media (prefers-color-scheme:dark){.s,.f{fill:#e8eaed}.q{fill:#a8b0ba}.l{stroke:#a8b0ba}.b{fill:#23272d;stroke:#8a939e}" +
  ".p{fill:#131518}.t{stroke:#59616b}.a{fill:#56b4e9}.o,.n{fill:#e69f00}.m{stroke:#e69f00}.x{fill:#59616b}}";

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const text = (x, y, words, kind = "s", anchor = "start") =>
  `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escaped(words)}</text>`;
const arrow = (x, y, to, toY = y) =>
  `<path class="l" d="M${x} ${y}L${to} ${toY}" marker-end="url(#end)"/>`;
const box = (x, y, width, height, kind = "b") =>
  `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`;

/** A picture of a blue cup on a table, as a stream sees it. */
function picture(x, y, seen) {
  const frame = box(x, y, 60, 48, seen === "none" ? "b d" : "b");
  if (seen === "none") return frame + text(x + 30, y + 28, "no image", "q", "middle");
  if (seen === "black") return `${frame}<rect x="${x}" y="${y}" width="60" height="48" rx="6"/>`;
  const mirror = seen === "changed" ? ` transform="translate(${2 * x + 60} 0) scale(-1 1)"` : "";
  const cup =
    `<g${mirror}><path class="l" d="M${x + 4} ${y + 38}h52"/><rect class="a" x="${x + 14}" y="${y + 18}" width="18" height="20"/>` +
    `<path class="l" d="M${x + 32} ${y + 22}q10 5 0 11"/></g>`;
  if (seen === "copies") {
    const behind = [8, 4].map((by) => box(x + by, y - by, 60, 48)).join("");
    return behind + frame + cup + dots(x, y, 14);
  }
  return frame + cup + (seen === "noisy" ? dots(x, y, 70) : "");
}

/** Specks, always the same. */
function dots(x, y, count) {
  return Array.from({ length: count }, (_, i) => {
    const [across, down] = [(i * 37 + 11) % 56, (i * 23 + 5) % 44];
    return `<circle class="n" cx="${x + 2 + across}" cy="${y + 2 + down}" r="1.4"/>`;
  }).join("");
}

/** The model as its layers, those that a method changes or reads marked. */
function model(x, y, { marked = [], marks }) {
  const layers = Array.from({ length: 10 }, (_, i) => {
    const at = x + 14 + 11 * i;
    const isMarked = i >= (marked[0] ?? 99) && i <= (marked[1] ?? -1);
    return `<path class="${isMarked ? "m" : "t"}" d="M${at} ${y + 8}v32"/>`;
  });
  const told = marks === undefined ? "" : text(x + 64, y + 64, marks, "q", "middle");
  return box(x, y, 128, 48) + layers.join("") + told;
}

/** Probabilities of three tokens; those that are excluded are crossed out. */
function bars(x, y, scores, kind) {
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return TOKENS.map((token, i) => {
    const top = y + 17 * i;
    const share = weights[i] / sum;
    const isOut = scores[i] === Number.NEGATIVE_INFINITY;
    return (
      text(x, top + 11, token, isOut ? "q" : "s") +
      (isOut
        ? `<path class="l" d="M${x - 2} ${top + 7}h32"/>`
        : `<rect class="${kind}" x="${x + 36}" y="${top + 1}" width="${Math.max(1, 60 * share).toFixed(1)}" height="11" rx="2"/>`)
    );
  }).join("");
}

/** One method's drawing. */
export function drawing({ name, title, before, streams, formula, scores }) {
  const top = before === undefined ? 40 : 72;
  const height = top + ROW * streams.length + 22 * formula.length + 4;
  const middle = top + (ROW * (streams.length - 1)) / 2 + 24;
  const rows = streams.map((stream, i) => {
    const y = top + ROW * i;
    return (
      picture(12, y, stream.sees) +
      text(12, y + 64, stream.told ?? "the image", "q") +
      box(92, y + 6, 136, 36) +
      text(160, y + 28, stream.asked ?? "question", "s", "middle") +
      arrow(230, y + 24, 250) +
      model(254, y, stream) +
      arrow(384, y + 24, 408) +
      bars(416, y, stream.logits, i === 0 ? "a" : "o") +
      arrow(520, y + 24, 560, middle)
    );
  });
  const parts = [
    text(12, 22, title, "s"),
    ...(before === undefined ? [] : [text(12, 46, before, "q")]),
    ...rows,
    `<circle class="b" cx="578" cy="${middle}" r="14"/>`,
    text(578, middle + 5, "=", "s", "middle"),
    arrow(594, middle, 620),
    bars(630, middle - 24, scores(streams.map(({ logits }) => logits)), "a"),
    ...formula.map((line, i) => text(12, top + ROW * streams.length + 22 * i - 4, line, "f")),
  ];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(`${name}: ${title}`)}">` +
    `<style>${STYLE}</style><defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8" class="l"/></marker></defs>` +
    `<rect class="p" width="${WIDTH}" height="${height}"/>${parts.join("")}</svg>\n`
  );
}

/** The list of docs/methods/README.md, from what methods say of themselves. */
function list(methods) {
  const rows = Object.values(methods).map(
    ({ name, summary, paper = "", cost }) =>
      `| [\`${name}\`](${name}.md) | ${summary} | ${cost} | ${paper} |`,
  );
  return ["| Method | What it does | Cost | Follows |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL("../docs/methods/", import.meta.url));
  for (const one of DRAWINGS) await writeFile(join(folder, `${one.name}.svg`), drawing(one));
  const { METHODS } = await import("../dist/index.js");
  const page = await readFile(join(folder, "README.md"), "utf8");
  const filled = page.replace(
    /(<!-- methods -->\n)[\s\S]*(<!-- end of methods -->)/,
    (_, before, after) => `${before}${list(METHODS)}\n${after}`,
  );
  await writeFile(join(folder, "README.md"), filled);
}
