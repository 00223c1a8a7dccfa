// Bundles the script of a report's page (report-page/) into src/eval/report/page-script.ts; --check only compares.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const target = at("src/eval/report/page-script.ts");

const { outputFiles } = await build({
  entryPoints: [at("report-page/main.ts")],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  write: false,
});
// Within a page, the text of a script must not end it.
const script = outputFiles[0].text.trim().replaceAll("</", "<\\/");
const made = `// Made by scripts/make-report-page.mjs of report-page/. Do not change it by hand.

/** The script of a report's page. */
export const PAGE_SCRIPT: string = ${JSON.stringify(script)};
`;

if (process.argv.includes("--check")) {
  if ((await readFile(target, "utf8")) !== made) {
    process.stderr.write("src/eval/report/page-script.ts is old: run npm run build:report-page\n");
    process.exitCode = 1;
  }
} else await writeFile(target, made);
