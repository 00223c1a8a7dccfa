/** Style sheet of the HTML report, for light and dark screens, for narrow ones and for paper. */
export const REPORT_STYLE: string = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b5f67; --line: #d9dce1; --mark: #0b62c0;
  --right: #1a7f37; --wrong: #b92d1b; --card: #f4f5f8; --page: #ffffff; --found: #fff0b3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a8adb5; --line: #3a3f47;
  --mark: #7ab8ff; --right: #58c174; --wrong: #ff8470; --card: #1d2025; --page: #131518; --found: #5a4a10; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1180px; margin: 1.5rem auto; padding: 0 1.25rem; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--line); padding-top: 1rem; }
#overview h2 { margin-top: 1rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
.note, figcaption, small, .legend { color: var(--soft); } a { color: var(--mark); }
nav { display: flex; flex-wrap: wrap; gap: .2rem .9rem; } nav a { overflow-wrap: anywhere; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.warning { border-left: 3px solid var(--wrong); padding-left: .6rem; }
.intervals { margin: .4rem 0; } .sure { display: none; color: var(--soft); font-size: 12px; font-weight: 400; }
body:has(#with-intervals:checked) .sure { display: inline; }
body:has(#with-intervals:checked) .forest .sure { display: block; }
figure { margin: 1rem 0; overflow-x: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .label { text-anchor: end; }
svg .tick { text-anchor: middle; fill: var(--soft); } svg .grid { stroke: var(--line); }
svg .zero { stroke: var(--soft); stroke-width: 1.5; }
svg .interval { stroke: var(--mark); stroke-width: 3; stroke-linecap: round; opacity: .55; }
svg .value { fill: var(--mark); }
.forest-row, .key { display: block; } .key { display: inline-block; vertical-align: middle; }
svg .regular circle { fill: var(--tone); } svg .apc circle { fill: var(--page); stroke: var(--tone); stroke-width: 2; }
svg .regular .interval, svg .apc .interval { stroke: var(--tone); } svg .apc .interval { stroke-width: 2; }
.better { --tone: var(--right); } .worse { --tone: var(--wrong); } .open { --tone: var(--soft); }
.changed { --tone: var(--mark); } .difference { color: var(--tone); white-space: nowrap; }
.difference.better, .difference.worse { font-weight: 650; }
.findings { margin: -.6rem 0 1.2rem; font-size: 14px; }
.findings .yes-shift, .findings .no-shift, .findings .shorter, .findings .cooler { border-left: 3px solid var(--wrong); padding-left: .5rem; }
.gains { margin: .4rem 0 .8rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: 13px; }
.scroll { overflow-x: auto; position: relative; } table { border-collapse: collapse; font-size: 13px;
  font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { color: var(--soft); font-weight: 600; } tbody th { color: var(--ink); }
.scroll thead th { vertical-align: bottom; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
.hint { display: none; } .scroll td { overflow-wrap: anywhere; min-width: 4rem; }
.matrix th small { display: block; font-weight: 400; }
.forest { width: 100%; table-layout: fixed; font-size: 14px; margin-bottom: 1.2rem; }
.forest caption { font-size: 15px; } .forest caption .note { font-size: 13px; margin-left: .5rem; }
.forest th, .forest td { vertical-align: middle; padding: 0 .6rem 0 0; overflow-wrap: anywhere; }
.forest thead th { padding-bottom: .3rem; vertical-align: bottom; font-size: 13px; }
.forest thead th:nth-child(2) { width: 42%; text-align: center; } .forest .drawing { padding: 0 .6rem 0 0; }
.forest tbody tr:hover { background: var(--card); } .forest tfoot td { border: 0; }
ul { padding-left: 1.2rem; } li.shown { font-weight: 600; } li.unshown { color: var(--soft); }
summary { cursor: pointer; font-weight: 600; margin: .6rem 0; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 1rem;
  margin-top: .8rem; }
article { background: var(--card); border-radius: 8px; padding: .8rem; min-width: 0; overflow-wrap: anywhere; }
.examples article { display: flex; gap: .9rem; }
.examples img { image-rendering: pixelated; border-radius: 4px; align-self: flex-start; max-width: 40%; }
article > div { min-width: 0; }
article p { margin: 0 0 .3rem; } article ul { list-style: none; margin: 0; padding: 0; }
article li { border-left: 3px solid var(--line); padding-left: .5rem; margin: .35rem 0; }
article small { display: block; } li.right { border-color: var(--right); }
li.wrong, li.unparsed { border-color: var(--wrong); }
@media (max-width: 720px) {
  body { margin-top: .8rem; padding: 0 .8rem; }
  .hint { display: block; color: var(--soft); font-size: 13px; margin: 0; }
  .forest, .forest tbody, .forest tfoot, .forest caption { display: block; }
  .forest thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .forest tr { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .1rem .5rem; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  .forest th, .forest td { border: 0; padding: 0; } .forest tbody th { grid-column: 1 / -1; }
  .forest .drawing { grid-column: 1 / -1; padding: 0; }
  .forest td[data-head]::before { content: attr(data-head); display: block; color: var(--soft); font-size: 12px; }
  body:not(:has(#with-intervals:checked)) .forest td { align-self: end; }
  .forest td:empty, .forest .drawing[title=""] { display: none; } .forest tfoot td:not(.drawing) { display: none; }
  figure svg { max-width: none; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --card: #fff; --page: #fff;
    --mark: #0b62c0; --right: #1a7f37; --wrong: #b92d1b; }
  body { max-width: none; margin: 0; } .sure { display: inline; } .intervals, .skip, nav, .hint, #explorer { display: none; }
  .forest .sure { display: block; }
  .scroll { overflow: visible; } tr, article, figure, .forest { break-inside: avoid; }
  h2, h3 { break-after: avoid; } .forest-row, .key { print-color-adjust: exact; }
}
`;
