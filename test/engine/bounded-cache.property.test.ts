import fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedCache } from "../../src/engine/bounded-cache.js";

test("a bounded cache never exceeds its bound and drops the least recently used", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 6 })), {
        maxLength: 40,
      }),
      (steps) => {
        const cache = new BoundedCache<number>(10);
        let model: [string, number][] = [];
        for (const [key, bytes] of steps) {
          model = model.filter(([other]) => other !== key);
          cache.set(key, bytes, bytes);
          model.push([key, bytes]);
          while (model.reduce((sum, [, size]) => sum + size, 0) > 10) model.shift();
          expect(cache.bytes).toBe(model.reduce((sum, [, size]) => sum + size, 0));
        }
        for (const [key, bytes] of model) expect(cache.get(key)).toBe(bytes);
      },
    ),
  );
});
