import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DatasetError } from "../../errors.js";
import { rowOfLine } from "../data/parse-rows.js";
import { linesOf, textSources } from "../data/text-source.js";
import type { CountRow } from "../report/count-rows.js";
import { REPORT_FILES } from "../report/write-report.js";

/** What is kept of a method's answers about one cluster. */
export type ClusterRow = Pick<CountRow, "questions" | "counts" | "behaviour">;

/** A method's answers to a set under one way of decoding, by cluster. */
export interface CountedSeries extends Pick<CountRow, "set" | "method" | "decoding"> {
  readonly clusters: ReadonlyMap<string, ClusterRow>;
}

const counts = z.record(z.string(), z.number());
const rowSchema: z.ZodType<CountRow> = z.object({
  set: z.string(),
  method: z.string(),
  decoding: z.enum(["greedy", "sampling"]),
  cluster: z.string(),
  questions: z.string(),
  counts,
  behaviour: counts,
});

/**
 * The counts of a finished run, by set, method and way of decoding.
 *
 * @throws DatasetError when the run has none, or they are damaged
 */
export async function readCounts(folder: string): Promise<CountedSeries[]> {
  const path = join(folder, REPORT_FILES.counts);
  await access(path).catch((cause: unknown) => {
    throw new DatasetError(
      `${folder}: there is no ${REPORT_FILES.counts}, which the report of a finished run has; ` +
        "finish the run (eval with the same settings), or write its report anew (groundsight report)",
      { cause },
    );
  });
  const [source] = await textSources(path);
  const found = new Map<string, CountedSeries & { clusters: Map<string, ClusterRow> }>();
  let line = 0;
  for await (const lines of linesOf(source!)) {
    for (const text of lines) {
      line++;
      const { set, method, decoding, cluster, ...row } = parsed(text, `${path} line ${line}`);
      const key = JSON.stringify([set, method, decoding]);
      const series = found.get(key) ?? { set, method, decoding, clusters: new Map() };
      found.set(key, series);
      series.clusters.set(cluster, row);
    }
  }
  return [...found.values()];
}

function parsed(text: string, where: string): CountRow {
  const row = rowOfLine(text, where);
  const { data } = rowSchema.safeParse(row !== null && "value" in row ? row.value : null);
  if (data !== undefined) return data;
  throw new DatasetError(
    `${where}: no counts of an image; write the run's report anew (groundsight report)`,
  );
}
