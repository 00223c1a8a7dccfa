import {
  type Explanation,
  heatMapText,
  mapPeak,
  type PatchMap,
  phraseMap,
} from "../diagnose/index.js";
import { columnsOf } from "./wrap-text.js";

/** Most columns of maps beside each other, where the output is no terminal. */
const MOST_COLUMNS = 100;
/** Between maps that stand beside each other. */
const GAP = "  ";

/** Maps of an answer's words in block characters, as many beside each other as there is room for; undefined without any. */
export function mapsText(explanation: Explanation): string | undefined {
  const blocks = mappedWords(explanation).map(block);
  const columns = Math.min(columnsOf(), MOST_COLUMNS);
  const rows: string[] = [];
  for (let from = 0; from < blocks.length; ) {
    let end = from + 1;
    const width = (to: number) =>
      blocks.slice(from, to).reduce((sum, lines) => sum + lines[0]!.length + GAP.length, 0);
    while (end < blocks.length && width(end + 1) - GAP.length <= columns) end++;
    rows.push(beside(blocks.slice(from, end)));
    from = end;
  }
  return rows.length === 0 ? undefined : rows.join("\n\n");
}

interface MappedWord {
  readonly text: string;
  readonly map: PatchMap;
}

/** Neighbouring tokens with maps as one word, where no blank stands between them. */
function mappedWords({ answer, tokens }: Explanation): MappedWord[] {
  const groups: { start: number; end: number; maps: PatchMap[] }[] = [];
  for (const { start, end, map } of tokens) {
    if (map === undefined) continue;
    const last = groups.at(-1);
    if (last?.end === start && !/^\s/.test(answer.slice(start))) {
      last.end = end;
      last.maps.push(map);
    } else groups.push({ start, end, maps: [map] });
  }
  return groups.map(({ start, end, maps }) => ({
    text: answer.slice(start, end).trim(),
    map: phraseMap(maps, [0, maps.length]),
  }));
}

/** The lines of a word's map, all of one length. */
function block({ text, map }: MappedWord): string[] {
  const lines = heatMapText(map).split("\n");
  const highest = Math.max(...map.values);
  const unit = map.how === "occlusion" ? " nats" : "";
  const { x, y } = mapPeak(map);
  const place = [
    y < 1 / 3 ? "top" : y > 2 / 3 ? "bottom" : "middle",
    x < 1 / 3 ? "left" : x > 2 / 3 ? "right" : "middle",
  ].join(" ");
  const told = [text, ...(highest > 0 ? [`${highest.toFixed(2)}${unit}`, place] : ["nowhere"])];
  const width = Math.max(...[...told, ...lines].map(({ length }) => length));
  return [...told, ...lines].map((line) => line.padEnd(width));
}

/** Blocks beside each other, aligned at their last lines. */
function beside(blocks: readonly string[][]): string {
  const height = Math.max(...blocks.map(({ length }) => length));
  return Array.from({ length: height }, (_, row) =>
    blocks
      .map((lines) => {
        const line = lines[row - height + lines.length];
        return line ?? " ".repeat(lines[0]!.length);
      })
      .join(GAP)
      .trimEnd(),
  ).join("\n");
}
