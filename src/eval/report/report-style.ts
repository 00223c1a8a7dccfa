/** Style sheet of the HTML report, for light and dark screens and for paper. */
export const REPORT_STYLE: string = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9dce1; --mark: #0b68cb;
  --right: #1a7f37; --wrong: #c2331f; --card: #f6f7f9; --page: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a2a7af; --line: #3a3f47;
  --mark: #6cb0ff; --right: #58c174; --wrong: #ff8470; --card: #1d2025; --page: #131518; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1180px; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid var(--line);
  padding-top: 1rem; } h3 { font-size: 1rem; }
.note, figcaption, small { color: var(--soft); } nav a { margin-right: .8rem; } a { color: var(--mark); }
.warning { border-left: 3px solid var(--wrong); padding-left: .6rem; } figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .label { text-anchor: end; }
svg .tick { text-anchor: middle; fill: var(--soft); } svg .grid { stroke: var(--line); }
svg .interval { stroke: var(--mark); stroke-width: 3; stroke-linecap: round; opacity: .55; }
svg .value { fill: var(--mark); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px;
  font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { color: var(--soft); font-weight: 600; } tbody th { color: var(--ink); }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
.scroll:focus-visible { outline: 2px solid var(--mark); } .hint { display: none; }
@media (max-width: 720px) { .hint { display: block; color: var(--soft); font-size: 13px; margin: 0; }
  figure { overflow-x: auto; } figure svg { max-width: none; } }
td { overflow-wrap: anywhere; min-width: 5rem; }
ul { padding-left: 1.2rem; } li.shown { font-weight: 600; } li.unshown { color: var(--soft); }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1rem;
  margin-top: .8rem; }
article { display: flex; gap: .9rem; background: var(--card); border-radius: 8px; padding: .8rem; }
article img { image-rendering: pixelated; border-radius: 4px; align-self: flex-start; }
article > div { min-width: 0; overflow-wrap: anywhere; }
article p { margin: 0 0 .3rem; } article ul { list-style: none; margin: 0; padding: 0; }
article li { border-left: 3px solid var(--line); padding-left: .5rem; margin: .35rem 0; }
article small { display: block; } li.right { border-color: var(--right); }
li.wrong, li.unparsed { border-color: var(--wrong); }
@media print { body { max-width: none; } details { break-inside: avoid; } }
`;
