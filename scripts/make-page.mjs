// Bundles the parts of a page, of a report (report-page/) or a trace (trace-page/), into a module of src/; --check only
// compares.
//
//   node scripts/make-page.mjs report|trace [--check]
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const PAGES = {
  report: {
    target: "src/eval/report/page-script.ts",
    parts: [["PAGE_SCRIPT", "The script of a report's page.", "report-page/main.ts"]],
  },
  trace: {
    target: "src/diagnose/page/page-parts.ts",
    parts: [
      ["PAGE_SCRIPT", "The script of a trace's page.", "trace-page/main.tsx"],
      ["PAGE_STYLE", "The style sheet of a trace's page.", "trace-page/style.css"],
    ],
  },
};

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const page = process.argv[2];
const { target, parts } = PAGES[page];

async function bundled(entry, options) {
  const { outputFiles } = await build({
    entryPoints: [at(entry)],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    charset: "ascii",
    write: false,
    ...options,
  });
  return outputFiles[0].text.trim();
}

let made = `// Made by scripts/make-page.mjs of ${page}-page/. Do not change it by hand.\n`;
for (const [name, summary, entry] of parts) {
  // Within a page, the text of a script must not end it.
  const text = (await bundled(entry)).replaceAll("</", "<\\/");
  made += `\n/** ${summary} */\nexport const ${name}: string = ${JSON.stringify(text)};\n`;
}

/** Writes a file, or tells that it is old. */
async function keep(path, text) {
  if (!process.argv.includes("--check")) await writeFile(at(path), text);
  else if ((await readFile(at(path), "utf8")) !== text) {
    process.stderr.write(`${path} is old: run npm run build:${page}-page\n`);
    process.exitCode = 1;
  }
}
await keep(target, made);
if (page === "trace") {
  // The page that opens trace files, to be put anywhere.
  const code = await bundled("src/diagnose/page/trace-html.ts", {
    platform: "node",
    format: "esm",
  });
  const { traceHtml } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  await keep("docs/trace.html", traceHtml());
}
