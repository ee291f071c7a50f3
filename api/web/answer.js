// Draws an answer: sentences with their footnotes and verdicts, the list of footnotes, the confidence.
// Holds no state and makes no requests; `ask.js` decides when what is drawn.

import { el, icon, visible } from "./dom.js";
import {
  LEVELS,
  VERDICTS,
  answerParts,
  claimPieces,
  milliseconds,
  money,
  pageLabel,
  pictureLabel,
  percent,
  signalValue,
  signalWords,
  titleOf,
} from "./text.js";

/** The button of footnote `number` behind sentence `index` of turn `turn`. */
function footnoteButton(number, index, view) {
  const source = view.citations.get(number);
  return el("button", {
    type: "button",
    class: "footnote",
    id: `footnote-${view.turn}-${index}-${number}`,
    testid: "footnote",
    "data-number": number,
    "aria-label": source
      ? `Footnote ${number}: ${titleOf(source)} ${pageLabel(source.pages)}`
      : `Footnote ${number}`,
    "aria-controls": "source",
    "aria-expanded": "false",
    text: number,
    on: { click: (event) => view.onFootnote(number, event.currentTarget.id) },
  });
}

/** A piece of a sentence; the few words that answer stand out where they are first met. */
function words(piece, view) {
  const at = view.short ? piece.indexOf(view.short) : -1;
  if (at < 0) return [piece];
  const strong = el("strong", { class: "short-answer", testid: "short-answer", text: view.short });
  const rest = piece.slice(at + view.short.length);
  view.short = "";
  return [piece.slice(0, at), strong, rest];
}

function claimNode(claim, index, pieces, view) {
  const verdict = VERDICTS[claim.verdict] ?? { icon: "none", label: claim.verdict, meaning: "" };
  const share = Number.isFinite(claim.support) ? ` Support ${percent(claim.support)}.` : "";
  const drawn = (some) =>
    some.flatMap((piece) =>
      typeof piece === "string" ? words(piece, view) : footnoteButton(piece, index, view),
    );
  const end = pieces.findLastIndex((piece) => typeof piece === "string") + 1;
  return el(
    "span",
    { class: "claim", testid: "claim", "data-verdict": claim.verdict },
    el("span", { class: "sentence" }, drawn(pieces.slice(0, end))),
    // No line ends within this: the footnotes behind the last word and the sign belong together.
    el(
      "span",
      { class: "glued" },
      drawn(pieces.slice(end)),
      el(
        "span",
        {
          class: "verdict",
          "data-verdict": claim.verdict,
          title: `${verdict.meaning}${share}`,
          testid: "verdict",
        },
        icon(verdict.icon),
        // A sentence that is carried needs no more than its sign; the word is there for whoever cannot see it.
        el("span", { class: claim.verdict === "supported" ? "visually-hidden" : null, text: verdict.label }),
      ),
    ),
  );
}

/** One sentence as it arrives in a stream, before the whole answer is known. */
export function streamedClaim(claim, index, view) {
  const known = new Set(view.citations.keys());
  return claimNode(claim, index, claimPieces(claim.text ?? "", claim.citations ?? [], known), view);
}

/** The whole answer as nodes in reading order. */
export function answerNodes(answer, view) {
  const known = new Set(view.citations.keys());
  return answerParts(answer.answer ?? "", answer.claims ?? [], known).map((part) =>
    part.claim
      ? claimNode(part.claim, part.index, part.pieces, view)
      : document.createTextNode(visible(part.text)),
  );
}

/** The heading that a quote stands under, where it is not the title once more. */
function ownHeading(citation) {
  const heading = citation.headings?.at(-1);
  return heading === titleOf(citation) ? "" : heading;
}

/** The footnotes at the foot of an answer, each one opening its source. */
export function footnoteList(citations, view, heading) {
  if (citations.length === 0) return null;
  return el(
    "section",
    { class: "notes", testid: "citations" },
    el("h3", { class: "notes-title", text: heading }),
    el(
      "ol",
      { class: "notes-list" },
      citations.map((citation) =>
        el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              class: "note",
              id: `note-${view.turn}-${citation.number}`,
              testid: "citation",
              "data-number": citation.number,
              "data-document": citation.document_id,
              "aria-controls": "source",
              "aria-expanded": "false",
              on: { click: (event) => view.onFootnote(citation.number, event.currentTarget.id) },
            },
            el("span", { class: "note-number", text: citation.number }),
            el(
              "span",
              { class: "note-body" },
              el(
                "span",
                { class: "note-head" },
                el("span", { class: "note-title", text: titleOf(citation) }),
                el("span", {
                  class: "quiet",
                  text: [pageLabel(citation.pages), ownHeading(citation), pictureLabel(citation)]
                    .filter(Boolean)
                    .join(" · "),
                }),
              ),
              el("span", { class: "note-quote", text: citation.quote ?? "" }),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Who wrote the answer, how long it took and what it cost, and a way to see how it was made. */
export function factsNode(answer, onTrace) {
  const words = [answer.model ? `Written by ${answer.model}` : "Quoted without a model"];
  const total = answer.timings?.total ?? answer.timings?.total_ms;
  if (answer.cached) words.push("given again");
  if (Number.isFinite(total)) words.push(milliseconds(total));
  if (answer.cost_usd > 0) words.push(money(answer.cost_usd));
  const id = `trace-${answer.id}`;
  return el(
    "div",
    { class: "facts quiet small", testid: "facts" },
    el("span", { text: words.join(" · ") }),
    answer.id &&
      el(
        "button",
        {
          type: "button",
          class: "button button-plain",
          id,
          testid: "trace-button",
          "aria-controls": "source",
          "aria-expanded": "false",
          on: { click: () => onTrace(answer.id, () => document.getElementById(id)) },
        },
        icon("trace"),
        "How it was made",
      ),
  );
}

/** Questions that go on from here; a click asks one. */
export function followUps(questions, onAsk) {
  if (questions.length === 0) return null;
  return el(
    "div",
    { class: "follow-ups", testid: "follow-ups", role: "group", "aria-label": "Questions to go on with" },
    questions.map((question) =>
      el("button", {
        type: "button",
        class: "button follow-up",
        testid: "follow-up",
        text: question,
        on: { click: () => onAsk(question) },
      }),
    ),
  );
}

const DISAGREES = {
  contradicts: "another source says otherwise",
  supersedes: "another source takes its place",
};

/** Sources that speak against a footnote, or null when none does. */
export function disagreementList(disagreements) {
  if (disagreements.length === 0) return null;
  return el(
    "ul",
    { class: "disagreements", testid: "disagreements" },
    disagreements.map(({ citation, other, kind, explanation }) =>
      el(
        "li",
        {},
        el("strong", { text: `Footnote ${citation}: ${DISAGREES[kind] ?? "another source differs"}. ` }),
        el("span", { text: explanation }),
        el("span", { class: "note-quote", text: other.quote ?? "" }),
      ),
    ),
  );
}

/** Level and percentage in view, the named signals behind a disclosure. */
export function confidenceNode(confidence, abstained) {
  if (!confidence) return null;
  const value = Math.min(1, Math.max(0, confidence.value ?? 0));
  const signals = Object.entries(confidence.signals ?? {});
  const fill = el("span", { class: "gauge-fill" });
  fill.style.setProperty("--share", String(value));
  return el(
    "details",
    { class: "confidence", testid: "confidence", "data-level": confidence.level },
    el(
      "summary",
      {},
      el("span", { class: "gauge", "aria-hidden": "true" }, fill),
      el(
        "span",
        { testid: "confidence-level" },
        el("strong", { text: LEVELS[confidence.level] ?? `${confidence.level} confidence` }),
        `, ${percent(value)}`,
      ),
      el("span", { class: "why", text: "Why" }),
    ),
    // Only a calibrated number can be read as a rate, and only an answer can be right.
    confidence.calibration &&
      !abstained &&
      el("p", {
        class: "quiet small",
        text: `Of 100 answers with this confidence, about ${Math.round(value * 100)} can be expected to be right.`,
      }),
    confidence.explanation?.length > 0 &&
      el(
        "ul",
        { class: "reasons small", testid: "reasons" },
        confidence.explanation.map((reason) => el("li", { text: reason })),
      ),
    signals.length > 0 &&
      el(
        "dl",
        { class: "signals small", testid: "signals" },
        signals.map(([name, signal]) =>
          el(
            "div",
            {},
            el("dt", { text: signalWords(name), title: name }),
            el("dd", { text: signalValue(signal) }),
          ),
        ),
      ),
    confidence.calibration &&
      el(
        "p",
        { class: "quiet small" },
        "Calibration: ",
        el("code", { text: signalValue(confidence.calibration) }),
      ),
  );
}
