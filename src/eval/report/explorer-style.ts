/** Style sheet of the answers side by side. */
export const EXPLORER_STYLE: string = `
.filters { display: flex; flex-wrap: wrap; gap: .5rem .9rem; align-items: end; margin: .5rem 0; }
.filters label { display: flex; flex-direction: column; font-size: 12px; color: var(--soft); min-width: 0; }
.filters select, .filters input, .filters button, dialog button { font: inherit; font-size: 14px; color: var(--ink);
  background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .3rem .5rem;
  min-height: 36px; max-width: 100%; }
.panes { display: grid; grid-template-columns: minmax(220px, 1fr) 3fr; gap: 1rem; }
.list { position: relative; height: 560px; overflow-y: auto; border: 1px solid var(--line); border-radius: 8px; }
.rows { position: relative; }
.row { position: absolute; left: 0; right: 0; height: 40px; padding: 0 .6rem; display: flex; align-items: center;
  gap: .35rem; border-bottom: 1px solid var(--line); cursor: pointer; font-size: 13px; }
.row span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.row[aria-selected="true"] { background: var(--card); box-shadow: inset 3px 0 0 var(--mark); font-weight: 600; }
.mark { flex: none; width: 10px; height: 10px; border-radius: 50%; border: 2px solid var(--soft); }
.mark.r { background: var(--right); border-color: var(--right); }
.mark.w, .mark.u { border-color: var(--wrong); border-radius: 2px; }
.detail { min-width: 0; } .prompt { font-size: 1.05rem; margin: 0; white-space: pre-wrap; }
.detail img { display: block; max-width: 100%; max-height: 420px; border-radius: 6px; margin: .5rem 0; }
.detail img.tiny { image-rendering: pixelated; width: min(384px, 100%); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; margin-top: .6rem; }
.pair h3 { margin: 0; font-size: 14px; }
.pair blockquote { margin: .4rem 0; white-space: pre-wrap; max-height: 60vh; overflow-y: auto; }
.pair mark { background: var(--found); color: inherit; border-radius: 2px; }
.outcome { font-size: 12px; border: 1px solid currentColor; border-radius: 4px; padding: 0 .3rem; margin-left: .3rem; color: var(--soft); }
.outcome.r { color: var(--right); } .outcome.w, .outcome.u { color: var(--wrong); }
dialog { color: var(--ink); background: var(--page); border: 1px solid var(--line); border-radius: 10px; max-width: 92vw; }
dialog::backdrop { background: rgb(0 0 0 / .4); }
@media (max-width: 720px) {
  .panes, .pair { grid-template-columns: minmax(0, 1fr); } .list { height: 220px; }
  .filters label { flex: 1 1 45%; } .detail img { max-height: 300px; }
}
`;
