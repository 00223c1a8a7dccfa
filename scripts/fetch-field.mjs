#!/usr/bin/env node
// Fetches the public answers and labels that tests and docs/mirage.md use, at pinned commits and checked by SHA-256.
// They are not in this repository: some have no licence. Tests find them in ../field, or where GROUNDSIGHT_FIELD says.
//
//   node scripts/fetch-field.mjs ../field             fetch what is missing, and check what is there
//   node scripts/fetch-field.mjs --list               sources and licences alone
//   node scripts/fetch-field.mjs ../field --from URL  from another server with the paths of raw.githubusercontent.com
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const RAW = "https://raw.githubusercontent.com";
const TIMEOUT_MS = 120_000;

/** The pinned sources: repository, commit, licence, what it holds, and files with their place and SHA-256. */
export async function fieldSources() {
  return JSON.parse(await readFile(new URL("field-files.json", import.meta.url), "utf8"));
}

/**
 * Fetches the files of some sources that are missing in a folder or are others there. What does not have its SHA-256 is
 * refused and never written; the rest is fetched all the same.
 *
 * @returns what went wrong, a line for each file
 */
export async function fetchField({ folder, sources, from = RAW, print = console.log }) {
  const problems = [];
  for (const source of sources) {
    print(`\n${sourceText(source)}`);
    for (const file of source.files) {
      try {
        const state = await fetchFile(join(folder, file.to), file, source, from);
        print(`  ${state}  ${file.to}`);
      } catch (error) {
        problems.push(`${file.to}: ${error.message}`);
        print(`  FAILED   ${file.to}: ${error.message}`);
      }
    }
  }
  return problems;
}

async function fetchFile(place, { path, sha256 }, { repository, commit }, from) {
  const there = await readFile(place).catch(() => null);
  if (there !== null && sha256Of(there) === sha256) return "there   ";
  const url = `${from}/${repository}/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const bytes = await download(url);
  const received = sha256Of(bytes);
  if (received !== sha256) {
    throw new Error(`received SHA-256 ${received} from ${url}; expected ${sha256}; not written`);
  }
  await mkdir(dirname(place), { recursive: true });
  const part = `${place}.${process.pid}.part`;
  try {
    await writeFile(part, bytes);
    await rename(part, place);
  } finally {
    await rm(part, { force: true });
  }
  return "fetched ";
}

async function download(url) {
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new Error(`${url} cannot be reached (${error.cause?.message ?? error.message})`);
  }
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

function sha256Of(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

function sourceText({ repository, commit, licence, holds }) {
  const terms = licence === "none" ? "no licence: for your own use, do not pass it on" : licence;
  return `https://github.com/${repository} @${commit.slice(0, 12)} (${terms}): ${holds}`;
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { list: { type: "boolean" }, from: { type: "string" } },
  });
  const sources = await fieldSources();
  if (values.list) {
    for (const source of sources) console.log(sourceText(source));
    return;
  }
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) {
    console.error("usage: node scripts/fetch-field.mjs <folder> [--from URL] | --list");
    process.exitCode = 2;
    return;
  }
  const problems = await fetchField({ folder, sources, ...values });
  if (problems.length === 0) return;
  console.error(`\n${problems.length} files were not fetched; the same command fetches them again`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
