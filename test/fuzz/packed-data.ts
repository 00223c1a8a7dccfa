import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { benchmarkNamed } from "../../src/eval/benchmarks/registry.js";
import { readDataFile } from "../../src/eval/data/read-data-file.js";
import { scoreFile } from "../../src/eval/scoring/score-answers.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { pick } from "./mutated.js";
import { mutatedBytes } from "./mutated-bytes.js";

const ROWS = Array.from({ length: 40 }, (_, i) => ({
  question_id: i + 1,
  image: `${i >> 1}.png`,
  text: i % 3 === 0 ? "Yes, a dog." : "No.",
  label: i % 2 === 0 ? "yes" : "no",
  image_path: `${i >> 1}.png`,
  object: "dog",
  question: `Is there a dog in image ${i}?`,
  answer: i % 2 === 0 ? "yes" : "no",
  "groundtruth responses": "a dog; yes",
  "hallucination type": "false premise",
  options: "['yes', 'no']",
  verdict: i % 3 === 0 ? "Correct." : "incorrect",
}));
const LINES = ROWS.map((row) => JSON.stringify(row)).join("\n");
const TABS = ROWS.map((row) => [row.image, row.question, row.label, row.text].join("\t")).join(
  "\n",
);
/** Benchmarks with layouts of their own; MME's is tab-separated. */
const NAMES = [
  "pope",
  "mme",
  "dash-b",
  "qa",
  "mathvista",
  "mmmu",
  "math-vision",
  "haloquest",
] as const;
/** Endings of files, with what they are packed by. */
const ENDINGS = ["jsonl.gz", "csv", "csv.gz", "parquet", "tsv", "json"] as const;

/**
 * Mutated gzip, CSV, Parquet, tab-separated and JSON files, alone or two in a folder, as questions and as answers of
 * each benchmark.
 */
export async function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const folder = await mkdtemp(join(tmpdir(), "packed-data-"));
  const stock = await stockFiles(folder);
  let what = "";
  const run = async (index: number) => {
    const random = new SeededRandom(seed, `packed-data ${index}`);
    const benchmark = benchmarkNamed(pick(random, NAMES));
    const ending = benchmark.name === "mme" ? "tsv" : pick(random, ENDINGS);
    const isFolder = random.integer(4) === 0;
    what = `${benchmark.name} ${isFolder ? "folder of " : ""}${ending}`;
    const path = join(folder, isFolder ? `case ${index}` : `rows.${ending}`);
    if (isFolder) await mkdir(path);
    const bytes = stock.get(ending)!;
    for (const file of isFolder
      ? ["a", "b"].map((name) => join(path, `${name}.${ending}`))
      : [path]) {
      await writeFile(file, random.integer(4) === 0 ? bytes : mutatedBytes(bytes, random));
    }
    if (random.integer(2) === 0) {
      benchmark.load({ data: null, truth: await readDataFile(path) });
      return;
    }
    const text = benchmark.name === "mme" ? TABS : LINES;
    const questions = benchmark.load({ data: null, truth: { name: "rows.tsv", text } });
    for (const { n, metrics } of await scoreFile(benchmark, questions, path, {
      allowMissing: true,
    })) {
      const { value } = metrics.accuracy!;
      if (n > ROWS.length) throw new Error(`${n} answers to ${ROWS.length} questions`);
      const most = benchmark.name === "mme" ? 100 : 1;
      if (value !== null && !(value >= 0 && value <= most)) throw new Error(`accuracy ${value}`);
    }
  };
  try {
    const describe = () => what;
    return await fuzzed(
      { name: "packed-data", cases: Math.min(cases, 5000), seed, run, describe },
      bounds,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function stockFiles(folder: string): Promise<Map<string, Uint8Array>> {
  const source = join(folder, "stock.jsonl");
  await writeFile(source, LINES);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const ending of ["csv", "csv.gz", "parquet"]) {
    await connection.run(
      `COPY (SELECT * FROM read_json('${source}')) TO '${join(folder, `stock.${ending}`)}'`,
    );
  }
  connection.closeSync();
  instance.closeSync();
  await writeFile(join(folder, "stock.jsonl.gz"), gzipSync(LINES));
  await writeFile(join(folder, "stock.tsv"), TABS);
  await writeFile(
    join(folder, "stock.json"),
    JSON.stringify(Object.fromEntries(ROWS.entries()), null, 1),
  );
  return new Map(
    await Promise.all(
      ENDINGS.map(
        async (ending): Promise<[string, Uint8Array]> => [
          ending,
          await readFile(join(folder, `stock.${ending}`)),
        ],
      ),
    ),
  );
}
