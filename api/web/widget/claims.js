// Draws an answer: its sentences with their footnotes, how sure it is, its sources. Holds no state.

import { el, icon } from "../dom.js";
import { answerParts, claimPieces } from "../text.js";

/** Where a quote stands, in a few words. */
export function place(citation, words) {
  const pages = citation.pages;
  const page = Array.isArray(pages) && pages.length > 0 ? words.page(pages[0], pages.at(-1)) : "";
  const heading = citation.headings?.at(-1);
  const picture = citation.transcribed?.length > 0 && words.transcribed;
  return [page, heading === citation.title ? "" : heading, picture].filter(Boolean).join(" · ");
}

/** A document's title, or its file name. */
export function titleOf(citation, words) {
  return citation.title || citation.filename || words.untitled;
}

function marker(number, turn, words) {
  const source = turn.citations.get(number);
  return el("button", {
    type: "button",
    class: "mark",
    part: "footnote",
    testid: "widget-footnote",
    "data-number": number,
    "aria-label": words.footnote(number, source ? titleOf(source, words) : ""),
    text: number,
    on: { click: (event) => turn.onFootnote(number, event.currentTarget) },
  });
}

/** One sentence. A sentence that its source carries bears its footnote only; every other one says what is wrong. */
export function sentence(claim, pieces, turn, words) {
  const label = claim.needs_source === false ? null : words.verdicts[claim.verdict];
  return el(
    "span",
    { class: "claim", "data-verdict": claim.verdict, testid: "widget-claim" },
    el(
      "span",
      { class: "sentence" },
      pieces.map((piece) =>
        typeof piece === "string" ? piece : el("span", { class: "glued" }, marker(piece, turn, words)),
      ),
    ),
    label && claim.verdict !== "supported" && el("span", { class: "verdict", text: label }),
  );
}

/** A sentence as it arrives, before the whole answer is known. */
export function arriving(claim, turn, words) {
  const known = new Set(turn.citations.keys());
  return sentence(claim, claimPieces(claim.text ?? "", claim.citations ?? [], known), turn, words);
}

/** The whole answer in reading order. */
export function wholeAnswer(answer, turn, words) {
  const known = new Set(turn.citations.keys());
  return answerParts(answer.answer ?? "", answer.claims ?? [], known).map((part) =>
    part.claim ? sentence(part.claim, part.pieces, turn, words) : part.text,
  );
}

/** What was checked, and how sure the answer is. */
export function assurance(answer, words, language) {
  if (answer.abstained) return null;
  const stating = (answer.claims ?? []).filter((claim) => claim.needs_source !== false);
  const good = stating.filter((claim) => claim.verdict === "supported").length;
  const whole = good === stating.length;
  const { level, value } = answer.confidence ?? {};
  const share = Number.isFinite(value)
    ? new Intl.NumberFormat(language, { style: "percent" }).format(Math.min(1, Math.max(0, value)))
    : "";
  return el(
    "ul",
    { class: "assurance", testid: "widget-assurance" },
    stating.length > 0 &&
      el(
        "li",
        { "data-good": String(whole) },
        icon(whole ? "check" : "half"),
        el("span", { text: whole ? words.checked(good) : words.someChecked(good, stating.length) }),
      ),
    words.levels[level] &&
      el(
        "li",
        { "data-level": level },
        el(
          "span",
          { class: "level", "aria-hidden": "true" },
          [0, 1, 2].map(() => el("i")),
        ),
        el("span", { text: share ? `${words.levels[level]} (${share})` : words.levels[level] }),
      ),
  );
}

/** The footnotes as a list, each one opening its quote. */
export function sources(turn, words, heading) {
  const found = [...turn.citations.values()].sort((a, b) => a.number - b.number);
  if (found.length === 0) return null;
  return el(
    "div",
    { class: "sources", role: "group", "aria-label": heading },
    el("h3", { text: heading }),
    el(
      "ol",
      {},
      found.map((citation) =>
        el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              class: "source",
              testid: "widget-source",
              on: { click: (event) => turn.onFootnote(citation.number, event.currentTarget) },
            },
            el("span", { class: "source-number", text: citation.number }),
            el(
              "span",
              { class: "source-words" },
              el("span", { class: "source-title", text: titleOf(citation, words) }),
              place(citation, words) && el("span", { class: "quiet", text: place(citation, words) }),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Sources that speak against a footnote. */
export function disagreements(answer, words) {
  const found = answer.disagreements ?? [];
  if (found.length === 0) return null;
  return el(
    "div",
    { class: "against" },
    el("h3", { text: words.disagrees }),
    found.map(({ other }) =>
      el(
        "figure",
        {},
        el("blockquote", { text: other.quote ?? "" }),
        el("figcaption", { class: "quiet", text: titleOf(other, words) }),
      ),
    ),
  );
}
