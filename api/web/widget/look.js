// The widget's style sheet, as a text that main.js makes a constructed sheet from: no content policy has to allow inline
// styles for that. The custom properties that begin with --footnote- are the page's to set; docs/widget.md lists them.

export const LOOK = `
:host {
  all: initial;
  color-scheme: light dark;
  --accent: var(--footnote-accent, light-dark(#1d4a80, #91bcf2));
  --accent-ink: var(--footnote-accent-ink, light-dark(#fff, #0f1a28));
  --paper: var(--footnote-paper, light-dark(#fff, #181c20));
  --wash: var(--footnote-wash, light-dark(#f4f5f3, #22282d));
  --ink: var(--footnote-ink, light-dark(#1b1e20, #e7e9e6));
  --quiet: var(--footnote-quiet, light-dark(#5b6268, #a2abb2));
  --line: var(--footnote-line, light-dark(#dfe3df, #343b42));
  --good: var(--footnote-good, light-dark(#1c6645, #7cc8a0));
  --warn: var(--footnote-warn, light-dark(#855400, #e2b25e));
  --bad: var(--footnote-bad, light-dark(#a12b22, #f0938a));
  --mark: var(--footnote-mark, light-dark(#ffefa6, #554712));
  --font: var(--footnote-font, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif);
  --serif: var(--footnote-quote-font, ui-serif, Charter, "Iowan Old Style", Georgia, "Liberation Serif", serif);
  --size: var(--footnote-size, 15px);
  --radius: var(--footnote-radius, 14px);
  --inset: var(--footnote-inset, 20px);
  --layer: var(--footnote-layer, 2147483000);
  font: 400 var(--size)/1.5 var(--font);
  color: var(--ink);
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([inline]) { display: block; height: var(--footnote-height, 576px); }

*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h2, h3, p, ol, ul, blockquote, figure { margin: 0; padding: 0; }
h2, h3 { font: inherit; font-weight: 600; }
ol, ul { list-style: none; }
button, textarea { color: inherit; font: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.sr { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.quiet { color: var(--quiet); font-size: 0.87em; }
.icon { flex: none; width: 1.1em; height: 1.1em; fill: none; stroke: currentcolor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }

/* Launcher and panel. A page's rules for every element reach the host: nothing of them is inherited further than this. */

.launcher, .panel {
  all: initial;
  box-sizing: border-box;
  color-scheme: inherit;
  visibility: inherit;
  font: 400 var(--size)/1.5 var(--font);
  color: var(--ink);
}

.launcher {
  position: fixed;
  z-index: var(--layer);
  bottom: max(var(--inset), env(safe-area-inset-bottom));
  right: var(--inset);
  display: inline-flex;
  align-items: center;
  gap: 0.55em;
  min-height: 3.1em;
  padding: 0.5em 1.25em 0.5em 1.05em;
  border: 0;
  border-radius: 99em;
  background: var(--accent);
  color: var(--accent-ink);
  font-weight: 600;
  cursor: pointer;
  box-shadow: 0 1px 2px rgb(0 0 0 / 18%), 0 8px 24px rgb(0 0 0 / 18%);
}
.launcher:hover { filter: brightness(1.08); }
.launcher:focus-visible { outline-offset: 3px; }
.launcher .icon { width: 1.35em; height: 1.35em; }
:host([side="left"]) .launcher { right: auto; left: var(--inset); }

.panel {
  position: fixed;
  z-index: var(--layer);
  inset: auto var(--inset) max(var(--inset), env(safe-area-inset-bottom)) auto;
  display: none;
  flex-direction: column;
  width: var(--footnote-width, 400px);
  max-width: calc(100vw - 2 * var(--inset));
  height: var(--footnote-height, 640px);
  max-height: calc(100dvh - 2 * var(--inset));
  margin: 0;
  padding: 0;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--paper);
  color: var(--ink);
  box-shadow: 0 2px 6px rgb(0 0 0 / 10%), 0 18px 50px rgb(0 0 0 / 22%);
  overflow: hidden;
}
.panel[open], :host([inline]) .panel { display: flex; }
.panel[open] { animation: rise 0.16s ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(8px); } }
.panel::backdrop { background: var(--paper); }
:host([side="left"]) .panel { inset: auto auto max(var(--inset), env(safe-area-inset-bottom)) var(--inset); }
:host([inline]) .panel { position: relative; inset: auto; z-index: auto; width: 100%; max-width: none; height: 100%; max-height: none; box-shadow: none; }

.head { display: flex; flex: none; align-items: center; gap: 0.25em; padding: 0.7em 0.7em 0.7em 1.15em; border-bottom: 1px solid var(--line); }
.head h2 { flex: 1; min-width: 0; overflow: hidden; font-size: 1.07em; text-overflow: ellipsis; white-space: nowrap; }
.plain { display: inline-flex; align-items: center; gap: 0.4em; min-height: 2.25em; padding: 0.2em 0.6em; border: 0; border-radius: 8px; background: none; color: var(--quiet); }
.plain:hover { background: var(--wash); color: var(--ink); }
.plain[aria-disabled="true"] { opacity: 0.4; cursor: default; }
.square { justify-content: center; width: 2.25em; padding: 0; }
/* Positioned, so that what is hidden from sight inside scrolls along and does not lengthen the panel. */
.scroll { position: relative; flex: 1; min-height: 0; padding: 1.1em 1.15em; overflow-y: auto; overscroll-behavior: contain; outline-offset: -3px; }

/* Conversation */

.welcome > p { color: var(--quiet); text-wrap: pretty; }
.choices { display: flex; flex-wrap: wrap; gap: 0.45em; margin-top: 1em; }
.choice { padding: 0.4em 0.85em; border: 1px solid var(--line); border-radius: 1.2em; background: none; color: var(--accent); font-size: 0.93em; line-height: 1.4; text-align: start; }
.choice:hover { border-color: var(--accent); }
.turn + .turn { margin-top: 1.6em; }
.asked {
  width: fit-content;
  max-width: 88%;
  margin-inline-start: auto;
  padding: 0.5em 0.9em;
  border-radius: 1.1em 1.1em 0.25em;
  background: var(--wash);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
.reply { margin-top: 0.9em; }
.answer { line-height: 1.62; overflow-wrap: anywhere; white-space: pre-wrap; }
.answer:empty, .status:empty, .end:empty { display: none; }
.turn[data-state="asking"] .claim:last-child { animation: arrive 0.25s ease-out; }
.turn[data-state="broken"] .answer { padding-inline-start: 0.8em; border-inline-start: 3px dashed var(--warn); }
@keyframes arrive { from { opacity: 0; } }
.sentence { text-decoration-thickness: 1.5px; text-underline-offset: 0.25em; }
.claim[data-verdict="partial"] .sentence { text-decoration: underline dotted var(--warn); }
.claim[data-verdict="unsupported"] .sentence { text-decoration: underline dashed var(--quiet); }
.claim[data-verdict="contradicted"] .sentence { text-decoration: underline wavy var(--bad); text-decoration-thickness: 1px; }
.verdict { margin: 0 0.35em; color: var(--quiet); font-size: 0.8em; font-weight: 500; }
.claim[data-verdict="partial"] .verdict { color: var(--warn); }
.claim[data-verdict="contradicted"] .verdict { color: var(--bad); }
/* No line ends before a footnote: it belongs to the last word. */
.glued { white-space: nowrap; }
.glued::before { content: "\\2060"; }
.mark {
  display: inline-block;
  min-width: 24px;
  min-height: 24px;
  margin: 0 0.1em 0 0.3em;
  padding: 0 0.45em;
  border: 1px solid transparent;
  border-radius: 6px;
  background: color-mix(in srgb, var(--accent) 12%, var(--paper));
  color: var(--accent);
  font: 600 0.75em/22px var(--font);
  text-align: center;
  text-decoration: none;
  vertical-align: 0.18em;
}
.mark:hover { border-color: var(--accent); }
.status { display: flex; align-items: center; gap: 0.55em; margin-top: 0.5em; color: var(--quiet); font-size: 0.93em; }
.dot { width: 0.5em; height: 0.5em; border-radius: 50%; background: var(--accent); animation: pulse 1.1s ease-in-out infinite; }
@keyframes pulse { 50% { opacity: 0.2; } }

.end > * { margin-top: 0.9em; }
.assurance { color: var(--quiet); font-size: 0.87em; }
.assurance li { display: flex; align-items: center; gap: 0.5em; }
.assurance li + li { margin-top: 0.2em; }
.assurance .icon { width: 1.1em; }
.assurance [data-good="true"] .icon { color: var(--good); }
.assurance [data-good="false"] .icon { color: var(--warn); }
.level { display: inline-flex; gap: 2px; width: 1.1em; }
.level i { flex: 1; height: 0.7em; border-radius: 1px; background: var(--line); }
[data-level="high"] .level i { background: var(--good); }
[data-level="medium"] .level i:nth-child(-n + 2) { background: var(--warn); }
[data-level="low"] .level i:first-child { background: var(--bad); }
.abstained { padding: 0.55em 0.8em; border-radius: 8px; background: color-mix(in srgb, var(--warn) 12%, var(--paper)); font-weight: 500; }
.against { padding: 0.6em 0.8em; border-inline-start: 3px solid var(--warn); background: var(--wash); font-size: 0.93em; }
.against figure { margin-top: 0.4em; }
.against blockquote { font-family: var(--serif); }

.sources h3 { color: var(--quiet); font-size: 0.8em; letter-spacing: 0.02em; }
.sources ol { margin: 0.2em -0.5em 0; }
.source { display: flex; gap: 0.6em; width: 100%; padding: 0.35em 0.5em; border: 0; border-radius: 8px; background: none; font-size: 0.9em; line-height: 1.4; text-align: start; }
.source:hover { background: var(--wash); }
.source-number { min-width: 1em; color: var(--accent); font-weight: 600; }
.source-words { display: flex; flex-direction: column; min-width: 0; overflow-wrap: anywhere; }

.rating { display: flex; flex-wrap: wrap; align-items: center; gap: 0.15em 0.3em; }
.rating form { display: flex; flex: 1 0 100%; flex-wrap: wrap; gap: 0.4em; justify-content: end; }
.rating textarea { flex: 1 0 100%; padding: 0.45em 0.6em; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); font-size: 0.93em; resize: vertical; }
.rating [type="submit"] { color: var(--accent); }
.fault { padding: 0.65em 0.8em; border-radius: 8px; background: color-mix(in srgb, var(--bad) 9%, var(--paper)); }
.fault p { display: flex; gap: 0.5em; }
.fault .icon { margin-top: 0.2em; color: var(--bad); }
.button { margin-top: 0.5em; padding: 0.35em 0.9em; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); font-weight: 500; }
.button:hover { border-color: var(--quiet); }

/* Composer */

.composer { flex: none; padding: 0.4em 0.8em 0.8em; }
.box { display: flex; align-items: flex-end; gap: 0.3em; padding: 0.3em 0.3em 0.3em 0.9em; border: 1px solid color-mix(in srgb, var(--quiet) 60%, var(--line)); border-radius: calc(var(--radius) - 1px); background: var(--paper); }
.box:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.box textarea { flex: 1; min-width: 0; max-height: 8.5em; padding: 0.4em 0; border: 0; outline: none; background: none; font-size: max(1em, 16px); line-height: 1.4; resize: none; field-sizing: content; }
::placeholder { color: var(--quiet); opacity: 1; }
.send { display: grid; flex: none; place-items: center; width: 2.35em; height: 2.35em; padding: 0; border: 0; border-radius: calc(var(--radius) - 5px); background: var(--accent); color: var(--accent-ink); }
.send:hover { filter: brightness(1.08); }
.note { padding: 0 1.15em 0.8em; color: var(--quiet); font-size: 0.8em; text-align: center; }

/* Quote */

.sheet { position: absolute; inset: 0; display: flex; flex-direction: column; background: var(--paper); animation: arrive 0.12s ease-out; }
.bar { display: flex; flex: none; align-items: center; padding: 0.7em; border-bottom: 1px solid var(--line); }
.bar .plain:first-child { margin-inline-end: auto; color: var(--ink); }
.sheet-body { flex: 1; min-height: 0; padding: 1.1em 1.15em; overflow-y: auto; overflow-wrap: anywhere; outline-offset: -3px; }
.sheet-body h2 { margin-top: 0.2em; font-size: 1.13em; line-height: 1.35; }
.sheet-body blockquote { margin-top: 1em; padding: 0.8em 1em; border-inline-start: 3px solid var(--accent); background: color-mix(in srgb, var(--mark) 45%, var(--paper)); font: 1.07em/1.6 var(--serif); white-space: pre-wrap; }
.quoted { display: flex; align-items: center; gap: 0.45em; margin-top: 0.9em; color: var(--good); font-size: 0.87em; }

/* Phones, fingers, less motion, forced colours */

@media (max-width: 30rem) {
  :host(:not([inline])) .panel { inset: 0; width: 100%; max-width: none; height: 100%; max-height: none; border: 0; border-radius: 0; }
  .composer { padding-bottom: max(0.8em, env(safe-area-inset-bottom)); }
}
@media (hover: none) {
  .plain { min-height: 2.75em; }
  .square { width: 2.75em; }
  .send { width: 2.75em; height: 2.75em; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .mark, .launcher, .send { border: 1px solid; }
}
`;
