import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { pope } from "../../src/eval/benchmarks/pope.js";
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
}));
const LINES = ROWS.map((row) => JSON.stringify(row)).join("\n");
/** Endings of files, with what they are packed by. */
const ENDINGS = ["jsonl.gz", "csv", "csv.gz", "parquet", "tsv", "json"] as const;

/** Mutated gzip, CSV, Parquet, tab-separated and JSON files, as questions and as answers. */
export async function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const folder = await mkdtemp(join(tmpdir(), "packed-data-"));
  const stock = await stockFiles(folder);
  const questions = pope.load({ data: null, truth: { name: "questions", text: LINES } });
  let what = "";
  const run = async (index: number) => {
    const random = new SeededRandom(seed, `packed-data ${index}`);
    const ending = pick(random, ENDINGS);
    const path = join(folder, `rows.${ending}`);
    what = ending;
    const bytes = stock.get(ending)!;
    await writeFile(path, random.integer(4) === 0 ? bytes : mutatedBytes(bytes, random));
    if (random.integer(2) === 0) {
      pope.load({ data: null, truth: await readDataFile(path) });
      return;
    }
    for (const { n, metrics } of await scoreFile(pope, questions, path, { allowMissing: true })) {
      const { value } = metrics.accuracy!;
      if (n > ROWS.length) throw new Error(`${n} answers to ${ROWS.length} questions`);
      if (value !== null && !(value >= 0 && value <= 1)) throw new Error(`accuracy ${value}`);
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
  const tabs = ROWS.map((row) => [row.image, row.text, row.label, row.text].join("\t")).join("\n");
  await writeFile(join(folder, "stock.jsonl.gz"), gzipSync(LINES));
  await writeFile(join(folder, "stock.tsv"), tabs);
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
