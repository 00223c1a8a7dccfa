import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Admission } from "../../src/server/admission.js";

/** What happens to requests, in order: one comes with so many answers, leaves, or is given up. */
const events = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant("come" as const), answers: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ what: fc.constant("leave" as const), which: fc.nat() }),
    fc.record({ what: fc.constant("abort" as const), which: fc.nat() }),
  ),
  { maxLength: 60 },
);

interface Guest {
  readonly answers: number;
  readonly stop: AbortController;
  leave?: () => void;
  refused?: unknown;
}

test("no place is ever lost or given twice, whatever requests do", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.nat(4), async (happening, maxQueued) => {
      const maxRunning = 3;
      const admission = new Admission(maxRunning, maxQueued);
      const guests: Guest[] = [];
      const inside = () => guests.filter(({ leave }) => leave !== undefined);
      const waiting = () => guests.filter(({ leave, refused }) => !leave && !refused);
      const settled = () => new Promise((resolve) => setImmediate(resolve));
      for (const event of happening) {
        if (event.what === "come") {
          const guest: Guest = { answers: event.answers, stop: new AbortController() };
          const wasFull = waiting().length >= maxQueued && waiting().length > 0;
          guests.push(guest);
          admission.enter(event.answers, guest.stop.signal).then(
            (leave) => {
              guest.leave = leave;
            },
            (reason) => {
              guest.refused = reason;
            },
          );
          await settled();
          if (wasFull) expect(guest.refused).toMatchObject({ status: 429 });
        } else if (event.what === "leave") {
          const guest = inside()[event.which % Math.max(1, inside().length)];
          guest?.leave?.();
          // To leave twice is to leave once.
          guest?.leave?.();
          if (guest !== undefined) guests.splice(guests.indexOf(guest), 1);
        } else {
          const guest = guests[event.which % Math.max(1, guests.length)];
          const waited = guest !== undefined && waiting().includes(guest);
          guest?.stop.abort(new Error("gone"));
          await settled();
          if (waited) expect(guest.refused).toMatchObject({ message: "gone" });
        }
        await settled();
        const running = inside().reduce((sum, { answers }) => sum + answers, 0);
        expect(admission.running).toBe(running);
        expect(admission.queued).toBe(waiting().length);
        expect(running).toBeLessThanOrEqual(maxRunning);
        expect(waiting().length).toBeLessThanOrEqual(maxQueued);
        // Whoever waits first is let in as soon as there is room for it.
        const [first] = waiting();
        if (first !== undefined) expect(running + first.answers).toBeGreaterThan(maxRunning);
      }
      while (inside().length > 0 || waiting().length > 0) {
        for (const guest of inside()) {
          guest.leave?.();
          guests.splice(guests.indexOf(guest), 1);
        }
        await settled();
      }
      expect([admission.running, admission.queued]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});

test.each([
  [0, "1"],
  // 20 s a request, two ahead of it, two at once.
  [20_000, "20"],
  [10_000_000, "60"],
])("a wait is estimated from what the last requests took: %d ms", async (ms, seconds) => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(0);
  const admission = new Admission(2, 1);
  const { signal } = new AbortController();
  const leave = await admission.enter(1, signal);
  await admission.enter(1, signal);
  void admission.enter(2, signal);
  clock.mockReturnValue(ms);
  leave();
  await expect(admission.enter(2, signal)).rejects.toMatchObject({
    status: 429,
    headers: { "retry-after": seconds },
  });
  clock.mockRestore();
});
