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
        const dropped: number[] = [];
        const cache = new BoundedCache<number>(10, (bytes) => dropped.push(bytes));
        let model: [string, number][] = [];
        for (const [key, bytes] of steps) {
          model = model.filter(([other]) => other !== key);
          cache.set(key, bytes, bytes);
          model.push([key, bytes]);
          while (model.reduce((sum, [, size]) => sum + size, 0) > 10) model.shift();
          expect(cache.bytes).toBe(model.reduce((sum, [, size]) => sum + size, 0));
        }
        for (const [key, bytes] of model) expect(cache.get(key)).toBe(bytes);
        // Whatever was given is kept, or was handed back once.
        const total = steps.reduce((sum, [, bytes]) => sum + bytes, 0);
        const sum = () => dropped.reduce((all, bytes) => all + bytes, 0);
        expect(sum()).toBe(total - cache.bytes);
        cache.clear();
        expect([cache.bytes, sum(), dropped.length]).toEqual([0, total, steps.length]);
      },
    ),
  );
});
