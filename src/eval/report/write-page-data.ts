import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../store/atomic-file.js";
import { makeFolder } from "../store/make-folder.js";
import { PAGE_CALLBACK, PAGE_FOLDER, type PageScripts, partName } from "./page-data.js";

/** Writes the scripts that a report's page loads by need, and removes those of an earlier report. */
export async function writePageData(folder: string, { index, parts }: PageScripts): Promise<void> {
  const data = join(folder, PAGE_FOLDER);
  await makeFolder(data);
  const scripts = new Map<string, unknown>(
    parts.flatMap((own, set) => own.map((part, k) => [partName(set, k), part] as const)),
  );
  scripts.set("index", index);
  for (const [name, content] of scripts) {
    await writeFileAtomically(join(data, `${name}.js`), scriptOf(name, content));
  }
  for (const file of await readdir(data)) {
    const isOld = /^answers-\d+-\d+\.js$/.test(file) && !scripts.has(file.slice(0, -3));
    if (isOld) await rm(join(data, file), { force: true });
  }
}

/** A call of the page's function. Nothing in it can be taken for a tag, wherever it is pasted. */
function scriptOf(name: string, content: unknown): string {
  const json = JSON.stringify(content).replaceAll("<", "\\u003c");
  return `${PAGE_CALLBACK}(${JSON.stringify(name)}, ${json});\n`;
}
