// The passages that were found for an answer: by which view, how high, and what became of them.

import { getJson, path } from "./api.js";
import { el, errorBox, setChildren } from "./dom.js";
import { plural, titleOf } from "./text.js";
import { bar, lazily, step } from "./tracestep.js";

const VIEWS = { dense: "meaning", lexical: "words", rerank: "second reading" };
// Passages that are shown at once.
const FIRST = 5;

/** Titles of the documents that the answer knows, by id. */
export function titles(answer, findDocument) {
  const known = new Map();
  for (const each of [...(answer.trace.evidence ?? []), ...(answer.citations ?? [])]) {
    known.set(each.document_id, titleOf(each));
  }
  return (id) =>
    known.get(id) ?? (findDocument(id) ? titleOf(findDocument(id)) : "A document of this collection");
}

const within = (inner, outer) =>
  inner.document_id === outer.document_id && inner.start < outer.end && outer.start < inner.end;

async function showStored(holder, piece) {
  try {
    const query = { version: piece.version, start: piece.start, end: piece.end };
    const stored = await getJson(path(["documents", piece.document_id, "text"], query));
    setChildren(holder, el("p", { class: "result-text", text: stored.text.trim() }));
  } catch (error) {
    setChildren(holder, errorBox(error));
  }
}

/** The step of the search. */
export function found(answer, nameOf) {
  const passages = answer.trace.passages ?? [];
  const evidence = answer.trace.evidence ?? [];
  const views = [...new Set(passages.flatMap((passage) => Object.keys(passage.scores ?? {})))];
  const best = Object.fromEntries(
    views.map((view) => [view, Math.max(...passages.map((passage) => passage.scores?.[view] ?? 0), 1e-9)]),
  );
  const row = (passage) => {
    const cited = (answer.citations ?? []).filter((citation) => within(citation, passage));
    return el(
      "li",
      { class: "trace-row", testid: "trace-passage" },
      lazily(
        [
          el("span", { class: "trace-rank number", text: passage.rank }),
          el(
            "span",
            { class: "trace-name" },
            el("span", { text: nameOf(passage.document_id) }),
            el("span", {
              class: "quiet",
              text: ` ${passage.start.toLocaleString("en")}–${passage.end.toLocaleString("en")}`,
            }),
          ),
          el(
            "span",
            { class: "tags" },
            evidence.some((piece) => within(passage, piece)) && el("span", { class: "tag", text: "shown" }),
            cited.length > 0 &&
              !answer.abstained &&
              el("span", {
                class: "tag tag-good",
                text: `footnote ${cited.map((each) => each.number).join(", ")}`,
              }),
          ),
        ],
        (holder) => showStored(holder, passage),
        "trace-open",
      ),
      el(
        "dl",
        { class: "bars small" },
        views.map((view) =>
          el(
            "div",
            {},
            el("dt", { text: `By ${VIEWS[view] ?? view}` }),
            view in (passage.scores ?? {})
              ? el(
                  "dd",
                  {},
                  bar(passage.scores[view] / best[view]),
                  el("span", { class: "number", text: passage.scores[view].toFixed(2) }),
                )
              : el("dd", { class: "quiet", text: "not found" }),
          ),
        ),
        el(
          "div",
          {},
          el("dt", { text: "Joined" }),
          el(
            "dd",
            {},
            bar(passage.score),
            el("span", { class: "number", text: Number(passage.score).toFixed(2) }),
          ),
        ),
      ),
    );
  };
  return step(
    "Found",
    passages.length > 0
      ? `${plural(passages.length, "passage")}, best first. Each view ranks by itself; the ranks are joined into one.`
      : "Nothing was found.",
    el("ol", { class: "trace-rows" }, passages.slice(0, FIRST).map(row)),
    passages.length > FIRST &&
      lazily(
        `${plural(passages.length - FIRST, "more passage")}`,
        (holder) => holder.append(el("ol", { class: "trace-rows" }, passages.slice(FIRST).map(row))),
        "trace-rest",
      ),
  );
}
