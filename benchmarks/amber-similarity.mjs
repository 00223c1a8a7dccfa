// How often AMBER's similarity table decides otherwise than exact matching, over every pair of an
// annotated image and a scored word: npm run build && node benchmarks/amber-similarity.mjs <AMBER data>
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { equalWords, matchAmberCaption, similarWords } from "../dist/eval/rules/amber-caption.js";

const read = (file) => JSON.parse(readFileSync(join(process.argv[2] ?? ".", file), "utf8"));
const images = read("annotations.json").filter(({ type }) => type === "generative");
const relations = Object.entries(read("relation.json"));
const words = [...new Set(relations.flatMap(([word, others]) => [word, ...others]))];

let differ = 0;
for (const { truth, hallu } of images) {
  for (const word of words) {
    const [exact, similar] = [equalWords, similarWords].map((same) =>
      JSON.stringify(matchAmberCaption([word], truth, hallu, same)),
    );
    if (exact !== similar) differ++;
  }
}
const pairs = images.length * words.length;
const percent = ((100 * differ) / pairs).toFixed(2);
console.log(
  `${images.length} images x ${words.length} words: ${differ} of ${pairs} differ, ${percent}%`,
);
