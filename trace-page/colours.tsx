import type { JSX } from "preact";
import { colourBy, measure, measures, readings } from "./state.js";

/** The choice of a measure, and its scale. */
export function Colours(): JSX.Element {
  const { name } = measure.value;
  return (
    <div class="colours">
      <label>
        Colour by{" "}
        <select value={name} onChange={(event) => colourBy(event.currentTarget.value)}>
          {measures.value.map((one) => (
            <option key={one.name} value={one.name}>
              {one.label}
            </option>
          ))}
        </select>
      </label>
      <ul class="scale" aria-label="Scale">
        {readings.value.steps.map(({ tone, label }) => (
          <li key={label}>
            <span class={`token ${tone}`}>{label}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
