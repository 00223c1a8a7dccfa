// Score captions made by any program with CHAIR, with 95% intervals over images:
// score-captions captions.jsonl objects_by_image.json
import {
  benchmarkNamed,
  metricIntervals,
  readAnswers,
  readDataFile,
  scoreAnswers,
} from "groundsight/eval";

const [captions = "captions.jsonl", objects = "objects_by_image.json"] = process.argv.slice(2);
const chair = benchmarkNamed("chair");
const questions = chair.load({ data: null, truth: await readDataFile(objects) });
const score = scoreAnswers(chair, questions, readAnswers(await readDataFile(captions)));
const intervals = metricIntervals([...score.clusters.values()], chair.metrics);
for (const { name, title } of chair.metrics) {
  const { value, reason } = score.metrics[name] ?? { value: null, reason: "not computed" };
  console.log(title, value ?? `undefined: ${reason}`, intervals[name]);
}
