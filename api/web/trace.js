// The way of one answer: what was searched, what each view found, what was shown and sent, what was checked, and how long
// each step took. Read from the service when it is asked for; a passage's text only when somebody opens it.

import { getJson, path } from "./api.js";
import { el, errorBox, icon, setChildren } from "./dom.js";
import { LEVELS, VERDICTS, milliseconds, money, percent, plural, signalValue, signalWords } from "./text.js";
import { found, titles } from "./tracefound.js";
import { bar, lazily, raw, step } from "./tracestep.js";

const STEPS = {
  retrieval: "Searching",
  extraction: "Choosing sentences",
  generation: "Writing",
  verification: "Checking",
  repair: "Repairing",
  confidence: "Judging confidence",
  rewriting: "Completing the question",
  follow_ups: "Suggesting questions",
  first_model: "Asking the first model",
};

/** What stands in the place of the times of an answer that was given again. */
function again(answer) {
  const words = "The same question was answered before, and nothing that the answer rests on has changed since.";
  return step(
    "Given again",
    `${milliseconds(answer.timings?.total ?? 0)} in all`,
    el("p", { class: "small", testid: "trace-timings", text: words }),
  );
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

function shown(answer) {
  const { evidence = [], sent, received } = answer.trace;
  const length = evidence.reduce((sum, piece) => sum + piece.end - piece.start, 0);
  const reader = answer.model ? `Shown to ${answer.model}` : "Read for the answer, no model involved";
  return step(
    answer.model ? "Sent" : "Read",
    `${reader}: ${plural(evidence.length, "stretch", "stretches")} of text, ${plural(length, "character")}.`,
    sent && lazily(answer.model ? "What was sent" : "What was read", (holder) => holder.append(raw(sent)), "trace-sent"),
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
          el(
            "span",
            { class: "verdict", "data-verdict": claim.verdict },
            icon(verdict.icon),
            el("span", { text: verdict.label }),
          ),
          el("span", {
            class: "number small quiet",
            text: Number.isFinite(claim.support) ? percent(claim.support) : "",
          }),
          el("span", { class: "trace-claim", text: claim.text }),
        );
      }),
    ),
    withheld.length > 0 &&
      el(
        "div",
        {},
        el("h4", { class: "small", text: "Withheld" }),
        el(
          "ul",
          { class: "reasons small" },
          withheld.map((each) =>
            el("li", {}, each.text, el("span", { class: "quiet", text: ` (${each.reason})` })),
          ),
        ),
      ),
    repairs.length > 0 &&
      el(
        "div",
        {},
        el("h4", { class: "small", text: "Repaired" }),
        el(
          "ul",
          { class: "reasons small" },
          repairs.map((each) =>
            el(
              "li",
              {},
              `${each.action}: `,
              each.text,
              el("span", { class: "quiet", text: ` (${each.reason})` }),
            ),
          ),
        ),
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
    searched &&
      searched !== answer.question &&
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
    const body = el(
      "div",
      { class: "trace", testid: "trace" },
      el("p", { class: "quiet loading", text: "Reading how it was made" }),
    );
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
        el(
          "ol",
          { class: "trace-steps" },
          asked(whole),
          found(whole, nameOf),
          shown(whole),
          checked(whole),
          judged(whole),
          whole.cached ? again(whole) : timings(whole),
        ),
        el(
          "p",
          { class: "quiet small" },
          "Answer ",
          el("code", { text: id }),
          ", trace ",
          el("code", { text: answer.trace_id ?? "" }),
        ),
      );
    } catch (error) {
      if (error.name === "AbortError") return;
      const gone = error.status === 404;
      setChildren(
        body,
        gone
          ? el("p", {
              class: "quiet",
              text: "This answer is not kept any more: it goes with the documents that it cites.",
            })
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
