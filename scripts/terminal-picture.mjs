// Writes what a command prints as an SVG picture of a terminal:
//
//   node scripts/terminal-picture.mjs docs/demo.svg demo
//   node scripts/terminal-picture.mjs docs/compare.svg compare photo.png "Describe the image."
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [target, ...args] = process.argv.slice(2);
const LINE = 20;
const CHARACTER = 8.43;
const MARGIN = 20;
const STYLES = {
  1: "font-weight:bold",
  2: "opacity:.6",
  4: "text-decoration:underline",
  31: "fill:#ff7b72",
  32: "fill:#7ee787",
};

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...args], {
  encoding: "utf8",
  env: { ...process.env, FORCE_COLOR: "1", NO_COLOR: "" },
});
if (status !== 0) {
  process.stderr.write(stderr);
  process.exit(1);
}

const ESC = String.fromCharCode(27);
const SGR = new RegExp(`(${ESC}\\[\\d+m)`);
const escapeXml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const shown = args.map((arg) => (/[^\w./:,=-]/.test(arg) ? JSON.stringify(arg) : arg)).join(" ");
const lines = [`${ESC}[1m$ groundsight ${shown}${ESC}[22m`, ...stdout.trimEnd().split("\n")];

/** One line's text with its SGR codes turned into styled spans. */
function spans(line) {
  const active = new Set();
  return line
    .split(SGR)
    .map((part) => {
      const code = SGR.test(part) ? part.slice(2, -1) : undefined;
      if (code === undefined) {
        const style = [...active].map((on) => STYLES[on]).join(";");
        return part === "" ? "" : `<tspan style="${style}">${escapeXml(part)}</tspan>`;
      }
      if (STYLES[code]) active.add(code);
      else active.clear();
      return "";
    })
    .join("");
}

const plain = lines.map((line) =>
  line
    .split(SGR)
    .filter((part) => !SGR.test(part))
    .join(""),
);
const width = Math.ceil(Math.max(...plain.map(({ length }) => length)) * CHARACTER + 2 * MARGIN);
const height = lines.length * LINE + 2 * MARGIN;
const rows = lines.map(
  (line, i) => `<text x="${MARGIN}" y="${MARGIN + (i + 0.75) * LINE}">${spans(line)}</text>`,
);
writeFileSync(
  target,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escapeXml(`groundsight ${shown}`)}</title>
<style>text{white-space:pre}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3">
${rows.join("\n")}
</g>
</svg>
`,
);
