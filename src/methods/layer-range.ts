import type { TextSetting } from "../arguments/settings.js";
import { InvalidArgumentError } from "../errors.js";
import type { LayerRange } from "../onnx/edits/graph-edit.js";

/** The setting `layers`, without its default. */
export const LAYERS: Pick<TextSetting, "type" | "summary"> = {
  type: "text",
  summary: "layers of the decoder, such as 16-31, or 16-31/32 for any depth",
};

/** From and to, the latter included. */
type Span = readonly [first: number, last: number];

const TEXT = /^\d+(?:-\d+)?(?:[\s,]+\d+(?:-\d+)?)*(?:\/\d+)?$/;

/**
 * Reads layers as settings name them: "16-31", "20" or "0, 2, 4-6" are layers as they are; "16-31/32" are layers 16 to 31
 * of a model of 32, and in a model of L layers those that are as deep.
 *
 * Methods were tried by their authors on models of 32 layers, so that their defaults end in "/32". Of N layers those from
 * a to b take the share [a / N, (b + 1) / N) of the depth, and become the layers from round(a L / N) to before
 * round((b + 1) L / N), but at least one. Exits are points between layers: a to b become round(a L / N) to round(b L / N).
 *
 * @param name of the setting, for messages
 * @throws InvalidArgumentError for a text that names no layers
 */
export function layerRange(name: string, text: string): LayerRange {
  const [written = "", of] = text.trim().split("/");
  const spans = written.split(/[\s,]+/).map((item): Span => {
    const [first = 0, last = first] = item.split("-").map(Number);
    return [first, last];
  });
  const whole = of === undefined ? Number.POSITIVE_INFINITY : Number(of);
  const isRange = spans.every(([first, last]) => first <= last && last < whole);
  if (!TEXT.test(text.trim()) || !isRange) {
    throw new InvalidArgumentError(
      `${name}: received '${text}'; expected layers counted from 0 such as 16-31, '0, 2, 4' or, for any depth, 16-31/32`,
    );
  }
  const numbers = (depth: number, scaled: (span: Span, scale: number) => Span): number[] => {
    const found = spans.map((span) =>
      of === undefined ? span : scaled(span, depth / whole).map((n) => Math.min(n, depth - 1)),
    );
    if (found.every(([, last]) => last < depth)) {
      const all = found.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, i) => first + i),
      );
      return [...new Set(all)].sort((a, b) => a - b);
    }
    throw new InvalidArgumentError(
      `${name}: received '${text}'; expected 0 to ${depth - 1}, as the model has`,
    );
  };
  return {
    text,
    layers: (depth) =>
      numbers(depth, ([first, last], scale) => {
        const from = Math.round(first * scale);
        return [from, Math.max(Math.round((last + 1) * scale) - 1, from)];
      }),
    exits: (depth) =>
      numbers(depth, ([first, last], scale) => [
        Math.round(first * scale),
        Math.round(last * scale),
      ]),
  };
}
