import fc from "fast-check";
import { expect, test } from "vitest";
import { DecoderCache } from "../../src/backends/onnx/decoder-cache.js";

test("cache contexts keep their own rows through growth, dropping and prefixes", () => {
  const geometry = {
    layers: [{ layer: 0, heads: 2, headSize: 3 }],
    ArrayType: Float32Array,
    states: [],
  };
  const step = fc.oneof(
    fc.record({ add: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }),
    // Beyond what is spare, so that filled buffers grow.
    fc.record({ add: fc.nat(3), count: fc.integer({ min: 40, max: 90 }) }),
    fc.record({ drop: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const cache = new DecoderCache(geometry);
      cache.add([2500, 2500, 2500, 2500], 2);
      const model: number[][] = [[], [], [], []];
      let next = 1;
      for (const action of steps) {
        if ("drop" in action) {
          if (action.drop >= model.length || model.length === 1) continue;
          // The last context takes the slot of the one that leaves.
          expect(cache.remove(action.drop)).toBe(
            action.drop === model.length - 1 ? undefined : model.length - 1,
          );
          const last = model.pop()!;
          if (action.drop < model.length) model[action.drop] = last;
          continue;
        }
        const context = action.add % model.length;
        cache.reserve(cache.lengths[context]! + action.count);
        const rows = Array.from({ length: action.count }, () => next++);
        const source = Float32Array.from(
          [0, 1].flatMap((head) => rows.flatMap((row) => [row, head, -row])),
        );
        for (const kind of ["key", "value"] as const) {
          cache.write(kind, 0, context, action.count, {
            source,
            batchIndex: 0,
            sourceRows: action.count,
            firstRow: 0,
          });
        }
        cache.advance(context, action.count);
        model[context]!.push(...rows);
      }
      expect(cache.lengths).toEqual(model.map(({ length }) => length));
      model.forEach((rows, context) => {
        const expected = [0, 1].flatMap((head) => rows.flatMap((row) => [row, head, -row]));
        expect([...cache.compact("value", 0, [context], rows.length)].map((x) => x + 0)).toEqual(
          expected,
        );
        const copy = new DecoderCache(geometry);
        copy.add([rows.length], rows.length);
        copy.load(0, cache.prefix(context, rows.length));
        expect([...copy.view("key", 0, 0, 1)].map((x) => x + 0)).toEqual(expected);
      });
    }),
  );
});
