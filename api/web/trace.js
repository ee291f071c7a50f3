// The way of one answer: what was searched, what each view found, what was shown and sent, what was checked, and how long
// each step took. Read from the service when it is asked for; a passage's text only when somebody opens it.

import { getJson, path } from "./api.js";
import { el, errorBox, icon, setChildren } from "./dom.js";
import { LEVELS, VERDICTS, milliseconds, money, percent, plural, signalValue, signalWords, titleOf } from "./text.js";

const VIEWS = { dense: "meaning", lexical: "words", rerank: "second reading" };
const STEPS = {
  retrieval: "Searching",
  extraction: "Choosing sentences",
  generation: "Writing",
  verification: "Checking",
  repair: "Repairing",
  confidence: "Judging confidence",
  rewriting: "Completing the question",
};

function step(title, summary, ...body) {
  return el(
    "li",
    { class: "trace-step", testid: "trace-step" },
    el("h3", { class: "trace-title", text: title }),
    summary && el("p", { class: "quiet small", text: summary }),
    body,
  );
}

/** A disclosure whose content is made when it is first opened. */
function lazily(summary, make, testid) {
  const holder = el("div", { class: "trace-more" });
  const details = el("details", { testid }, el("summary", {}, summary), holder);
  details.addEventListener("toggle", () => {
    if (details.open && holder.childElementCount === 0) make(holder);
  });
  return details;
}

function raw(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return el("pre", { class: "raw small", tabindex: 0, role: "group", "aria-label": "As it was sent or received", text });
}

function bar(share) {
  const fill = el("span", { class: "gauge-fill" });
  fill.style.setProperty("--share", String(Math.min(1, Math.max(0, share))));
  return el("span", { class: "gauge gauge-wide", "aria-hidden": "true" }, fill);
}

function timings(answer) {
  const { total, total_ms: other, ...steps } = answer.timings ?? {};
  const whole = total ?? other ?? Math.max(1, ...Object.values(steps));
  const rows = Object.entries(steps).sort((a, b) => b[1] - a[1]);
  return step(
    "Time",
    `${milliseconds(whole)} in all`,
    rows.length > 0 &&
      el(
        "dl",
        { class: "bars small", testid: "trace-timings" },
        rows.map(([name, value]) =>
          el(
            "div",
            {},
            el("dt", { text: STEPS[name] ?? signalWords(name) }),
            el("dd", {}, bar(value / whole), el("span", { class: "number", text: milliseconds(value) })),
          ),
        ),
      ),
  );
}

/** Titles of the documents that the answer knows, by id. */
function titles(answer, findDocument) {
  const known = new Map();
  for (const each of [...(answer.trace.evidence ?? []), ...(answer.citations ?? [])]) {
    known.set(each.document_id, titleOf(each));
  }
  return (id) => known.get(id) ?? (findDocument(id) ? titleOf(findDocument(id)) : "A document of this collection");
}

const within = (inner, outer) =>
  inner.document_id === outer.document_id && inner.start < outer.end && outer.start < inner.end;

async function showStored(holder, piece) {
  try {
    const query = { version: piece.version, start: piece.start, end: piece.end };
    const stored = await getJson(path(["documents", piece.document_id, "text"], query));
    setChildren(holder, el("p", { class: "result-text", text: stored.text }));
  } catch (error) {
    setChildren(holder, errorBox(error));
  }
}

function found(answer, nameOf) {
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
            el("span", { class: "quiet", text: ` ${passage.start.toLocaleString("en")}–${passage.end.toLocaleString("en")}` }),
          ),
          el(
            "span",
            { class: "tags" },
            evidence.some((piece) => within(passage, piece)) && el("span", { class: "tag", text: "shown" }),
            cited.length > 0 && !answer.abstained &&
              el("span", { class: "tag tag-good", text: `footnote ${cited.map((each) => each.number).join(", ")}` }),
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
              ? el("dd", {}, bar(passage.scores[view] / best[view]), el("span", { class: "number", text: passage.scores[view].toFixed(2) }))
              : el("dd", { class: "quiet", text: "not found" }),
          ),
        ),
        el(
          "div",
          {},
          el("dt", { text: "Joined" }),
          el("dd", {}, bar(passage.score), el("span", { class: "number", text: Number(passage.score).toFixed(2) })),
        ),
      ),
    );
  };
  return step(
    "Found",
    passages.length > 0
      ? `${plural(passages.length, "passage")}, best first. Each view ranks by itself; the ranks are joined into one.`
      : "Nothing was found.",
    el("ol", { class: "trace-rows" }, passages.map(row)),
  );
}

function shown(answer) {
  const { evidence = [], sent, received } = answer.trace;
  const length = evidence.reduce((sum, piece) => sum + piece.end - piece.start, 0);
  const reader = answer.model ? `Shown to ${answer.model}` : "Read for the answer, no model involved";
  return step(
    answer.model ? "Sent" : "Read",
    `${reader}: ${plural(evidence.length, "stretch", "stretches")} of text, ${plural(length, "character")}.`,
    sent && lazily("What was sent", (holder) => holder.append(raw(sent)), "trace-sent"),
    received && lazily("What came back", (holder) => holder.append(raw(received)), "trace-received"),
  );
}

function checked(answer) {
  const { withheld = [], repairs = [] } = answer.trace;
  const claims = answer.claims ?? [];
  return step(
    "Checked",
    claims.length > 0
      ? `${plural(claims.length, "sentence")} held against the stored text.`
      : "No sentence was presented, so none had to be checked.",
    el(
      "ul",
      { class: "trace-claims" },
      claims.map((claim) => {
        const verdict = VERDICTS[claim.verdict] ?? { icon: "none", label: claim.verdict };
        return el(
          "li",
          {},
          el("span", { class: "verdict", "data-verdict": claim.verdict }, icon(verdict.icon), el("span", { text: verdict.label })),
          el("span", { class: "number small quiet", text: Number.isFinite(claim.support) ? percent(claim.support) : "" }),
          el("span", { class: "trace-claim", text: claim.text }),
        );
      }),
    ),
    withheld.length > 0 &&
      el(
        "div",
        {},
        el("h4", { class: "small", text: "Withheld" }),
        el("ul", { class: "reasons small" }, withheld.map((each) => el("li", {}, each.text, el("span", { class: "quiet", text: ` (${each.reason})` })))),
      ),
    repairs.length > 0 &&
      el(
        "div",
        {},
        el("h4", { class: "small", text: "Repaired" }),
        el("ul", { class: "reasons small" }, repairs.map((each) => el("li", {}, `${each.action}: `, each.text, el("span", { class: "quiet", text: ` (${each.reason})` })))),
      ),
  );
}

function judged(answer) {
  const { confidence } = answer;
  if (!confidence) return null;
  return step(
    "Confidence",
    `${LEVELS[confidence.level] ?? confidence.level}, ${percent(confidence.value)}, by ${confidence.calibration || "no calibration"}.`,
    lazily(
      "The signals",
      (holder) =>
        holder.append(
          el(
            "dl",
            { class: "signals small" },
            Object.entries(confidence.signals ?? {}).map(([name, value]) =>
              el("div", {}, el("dt", { text: signalWords(name) }), el("dd", { text: signalValue(value) })),
            ),
          ),
        ),
      "trace-signals",
    ),
  );
}

function asked(answer) {
  const { search_text: searched } = answer.trace;
  const tokens = answer.usage?.total_tokens ?? 0;
  const facts = [
    answer.model ? `Written by ${answer.model}` : "Quoted without a model",
    tokens > 0 && plural(tokens, "token"),
    Number.isFinite(answer.cost_usd) && answer.cost_usd > 0 && money(answer.cost_usd),
  ];
  return step(
    "Asked",
    facts.filter(Boolean).join(" · "),
    el("p", { class: "trace-text", text: answer.question ?? "" }),
    searched && searched !== answer.question &&
      el("p", { class: "small" }, el("span", { class: "quiet", text: "Searched for: " }), searched),
  );
}

/** Opens the ways of answers in the side panel. */
export function createTrace({ panel, findDocument }) {
  let openerOf = () => null;
  let request = null;
  const owner = { opener: () => openerOf(), onClosed: () => request?.abort() };

  async function show(id) {
    request?.abort();
    request = new AbortController();
    const body = el("div", { testid: "trace" }, el("p", { class: "quiet loading", text: "Reading how it was made" }));
    panel.draw(
      el("p", {}, el("strong", { text: "Trace" })),
      [],
      el("h2", { id: "source-title", text: "How this answer was made" }),
      body,
    );
    try {
      const answer = await getJson(path(["answers", id]), request.signal);
      const trace = answer.trace ?? {};
      const nameOf = titles({ ...answer, trace }, findDocument);
      const whole = { ...answer, trace };
      setChildren(
        body,
        el("ol", { class: "trace-steps" }, asked(whole), found(whole, nameOf), shown(whole), checked(whole), judged(whole), timings(whole)),
        el("p", { class: "quiet small" }, "Answer ", el("code", { text: id }), ", trace ", el("code", { text: answer.trace_id ?? "" })),
      );
    } catch (error) {
      if (error.name === "AbortError") return;
      const gone = error.status === 404;
      setChildren(
        body,
        gone
          ? el("p", { class: "quiet", text: "This answer is not kept any more: it goes with the documents that it cites." })
          : errorBox(error, { retry: () => show(id), testid: "trace-error" }),
      );
    }
  }

  return {
    /** Shows the way of the answer `id`; the focus goes back to what `opener()` gives. */
    open(id, opener) {
      openerOf = opener;
      panel.take(owner);
      show(id);
      panel.focus();
    },
    close: () => panel.owns(owner) && panel.close(),
  };
}
