import { spawnSync } from "node:child_process";
import * as face from "groundsight/eval";
import { expect, test } from "vitest";

test("what evaluation offers; a change here is a change for users", () => {
  expect(Object.keys(face).sort()).toEqual([
    "ACROSS",
    "BENCHMARKS",
    "CAPTION_RULES",
    "DEFAULT_POCKET_SETS",
    "DUCKDB_PACKAGE",
    "DurableLog",
    "ENDPOINT_METHODS",
    "LIST_RUNS",
    "POCKET_SETS",
    "POPE_RULES",
    "REPORT_FILES",
    "RUN_FILES",
    "TUNED_FILE",
    "addCounts",
    "addScores",
    "answersBySeries",
    "behaviourTables",
    "benchmarkNamed",
    "compareMethods",
    "compareQuery",
    "compareRuns",
    "controlsTable",
    "count",
    "countObjects",
    "defineBenchmark",
    "endpointText",
    "evaluate",
    "evaluateEndpoint",
    "failuresText",
    "fewImagesWarning",
    "figuresQuery",
    "figuresTable",
    "findingsText",
    "firstWordRule",
    "formatInterval",
    "formatValue",
    "formatWithUnit",
    "furtherMetrics",
    "gainsNote",
    "gainsText",
    "generatePope",
    "groupTitle",
    "harmonicMean",
    "heldOutBy",
    "identifier",
    "isJudged",
    "isUnvaried",
    "jointIntervalsInTurns",
    "judgeAnswers",
    "judgeMatched",
    "makeFolder",
    "matchAnswers",
    "matchFile",
    "measureCosts",
    "metricIntervals",
    "metricValues",
    "objectFinder",
    "openAiEndpoint",
    "openAiJudge",
    "openResults",
    "overviewOf",
    "parseJson",
    "parseRows",
    "parseTunedSetting",
    "percentileInterval",
    "planControls",
    "planRun",
    "planSeries",
    "pocketFolder",
    "pocketSuite",
    "questionFile",
    "ratio",
    "ratioMetric",
    "readAnswers",
    "readAnswersTo",
    "readDataFile",
    "readObjectAnnotations",
    "readQuestions",
    "readRun",
    "readShaped",
    "readShapedFile",
    "rebuildReport",
    "refuseDuplicates",
    "requireAskable",
    "requireGoingOn",
    "requireRule",
    "runModules",
    "scoreAnswers",
    "scoreFile",
    "scoreMatched",
    "settingsText",
    "tallyText",
    "textTable",
    "tune",
    "unvariedInterval",
    "usageTable",
    "writeFileAtomically",
    "yesAhead",
    "yesNoLabel",
    "yesNoTokens",
  ]);
});

/** Runs a module in a process of its own, against the package as it is built. */
function run(script: string) {
  const cwd = new URL("../..", import.meta.url);
  const options = { encoding: "utf8", cwd } as const;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], options);
}

test("the built package has the face, word lists included", () => {
  const { stdout, stderr } = run(`
    import { benchmarkNamed, scoreAnswers } from "groundsight/eval";
    const chair = benchmarkNamed("chair");
    const truth = { name: "truth", text: JSON.stringify({ a: ["dog"] }) };
    const questions = chair.load({ data: null, truth });
    const answers = [{ id: "a", text: "A puppy and two cats.", where: "", verdict: null, series: null }];
    console.log(scoreAnswers(chair, questions, answers).metrics.chair_i.value);`);
  expect({ stdout, stderr }).toEqual({ stdout: "50\n", stderr: "" });
});

test("nothing behind the face can be imported", () => {
  const { stderr } = run(`await import("groundsight/eval/evaluate");`);
  expect(stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
});
