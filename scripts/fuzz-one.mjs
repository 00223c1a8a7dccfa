// Runs one fuzzer for fuzz.mjs: node fuzz-one.mjs <module> <cases> <seed> <bounds>
// Writes each case's index to descriptor 3 before it begins, at once, and the tally to its output.
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, cases, seed, bounds] = process.argv.slice(2);
const { fuzz } = await import(pathToFileURL(module).href);
try {
  const onCase = (index) => writeSync(3, `${index}\n`);
  const tally = await fuzz(Number(cases), Number(seed), { ...JSON.parse(bounds), onCase });
  process.stdout.write(JSON.stringify(tally));
} catch (error) {
  process.stderr.write(`${error.message}\n${error.cause?.stack ?? ""}\n`);
  process.exitCode = 1;
}
// A case that never ended would keep the process.
process.stdout.write("", () => process.exit());
