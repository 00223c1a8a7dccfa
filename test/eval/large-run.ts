import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../src/eval/data/sha-256.js";

/**
 * Writes a stored run of POPE whose analysis takes a while: so many images, five questions each, answered greedily by
 * three methods. There are no images, and no report yet.
 */
export async function writeLargeRun(folder: string, images: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const rows = Array.from({ length: 5 * images }, (_, i) => ({
    question_id: i,
    image: `${Math.floor(i / 5)}.png`,
    text: `Is there a dog in image ${i}?`,
    label: (i * 7) % 3 === 0 ? "yes" : "no",
  }));
  const data = join(folder, "questions.jsonl");
  const text = rows.map((row) => JSON.stringify(row)).join("\n");
  await writeFile(data, text);
  const methods = ["regular", "vcd", "vti"];
  const answers = methods.flatMap((method, m) =>
    rows.map(({ question_id: id }) => ({
      set: "questions",
      id: String(id),
      method,
      seed: null,
      text: (id * (m + 3)) % 4 === 0 ? "Yes" : "No",
    })),
  );
  await writeFile(
    join(folder, "answers.jsonl"),
    answers.map((row) => `${JSON.stringify(row)}\n`).join(""),
  );
  const settings = {
    version: "0.0.0",
    model: { id: "fake", hash: "0", dtype: "fp32" },
    promptSuffix: "",
    temperature: 1,
    topP: 1,
    sets: [
      {
        name: "questions",
        benchmark: "pope",
        rule: "pope",
        data: sha256(text),
        truth: null,
        questions: rows.length,
        maxTokens: 16,
      },
    ],
    series: methods.map((method) => ({ method, settings: {}, seed: null })),
  };
  await writeFile(join(folder, "settings.json"), JSON.stringify(settings));
  const sources = [{ name: "questions", data, truth: null, images: folder }];
  await writeFile(join(folder, "sources.json"), JSON.stringify(sources));
}
