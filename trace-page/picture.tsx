import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { PatchMap } from "../src/diagnose/contract/explanation.js";
import { number, visible } from "./format.js";
import { opacity, shownToken, trace } from "./state.js";

/** Okabe and Ito's orange and blue, which all eyes tell apart. */
const FOR = [230, 159, 0] as const;
const AGAINST = [0, 114, 178] as const;

/** Pictures up to this size are shown with sharp pixels. */
const SMALL = 256;

/** The image, with the map of the token that is shown. */
export function Picture(): JSX.Element {
  const { image, tokens } = trace.value!;
  if (image === null) return <p class="note">The question was asked without an image.</p>;
  const { width, height, dataUrl } = image;
  const map = shownToken.value?.map;
  return (
    <figure class="image">
      <div class="frame" style={{ "--ratio": width / height, aspectRatio: `${width} / ${height}` }}>
        {dataUrl === undefined ? (
          <p class="blank">The trace does not hold the image ({`${width} \u00d7 ${height}`}).</p>
        ) : (
          <img
            class={Math.max(width, height) <= SMALL ? "small" : ""}
            src={dataUrl}
            alt="What the question is about"
          />
        )}
        {map !== undefined && <PatchLayer map={map} />}
      </div>
      {tokens.some((one) => one.map !== undefined) && (
        <label class="opacity">
          Map over the image
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            value={opacity.value}
            onInput={(event) => {
              opacity.value = Number(event.currentTarget.value);
            }}
          />
        </label>
      )}
    </figure>
  );
}

function PatchLayer({ map }: { map: PatchMap }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  // Drawn anew with each token.
  useSignalEffect(() => {
    const shown = shownToken.value?.map;
    if (shown !== undefined && canvas.current !== null) draw(canvas.current, shown);
  });
  const { row, column } = strongest(map);
  const percent = (part: number, whole: number) => `${(100 * part) / whole}%`;
  return (
    <>
      <canvas ref={canvas} style={{ opacity: opacity.value }} />
      <span
        class="strongest"
        style={{
          left: percent(column, map.columns),
          top: percent(row, map.rows),
          width: percent(1, map.columns),
          height: percent(1, map.rows),
        }}
      />
    </>
  );
}

/** What the map over the image shows. */
export function MapText({ map, text }: { map: PatchMap; text: string }): JSX.Element {
  const { row, column, value } = strongest(map);
  const unit = map.how === "occlusion" ? " nats" : "";
  const lowest = map.values.reduce((least, one) => Math.min(least, one), value);
  return (
    <p class="note">
      {map.how === "occlusion"
        ? `Where covering the image makes \u201c${visible(text)}\u201d less likely (orange)`
        : `Where attention lies for \u201c${visible(text)}\u201d (orange)`}
      {lowest < 0 && " or likelier (blue)"}
      {`: ${number(lowest)} to ${number(value)}${unit}. Outlined: the most, in row ${row + 1} of ${map.rows}, column ${column + 1} of ${map.columns}.`}
    </p>
  );
}

function strongest({ values, columns }: PatchMap): { row: number; column: number; value: number } {
  const at = values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
  return { row: Math.floor(at / columns), column: at % columns, value: values[at]! };
}

/** A pixel a patch: the higher its value, the less the image shines through. */
function draw(canvas: HTMLCanvasElement, { rows, columns, values }: PatchMap): void {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d")!;
  const pixels = context.createImageData(columns, rows);
  const most = values.reduce((far, value) => Math.max(far, Math.abs(value)), 0) || 1;
  for (const [i, value] of values.entries()) {
    pixels.data.set(value > 0 ? FOR : AGAINST, 4 * i);
    pixels.data[4 * i + 3] = Math.round((255 * Math.abs(value)) / most);
  }
  context.putImageData(pixels, 0, 0);
}
