// The audit log, newest first: who did what to which object, and how it ended. It holds no content.

import { getJson, path } from "./api.js";
import { announce, el, errorBox } from "./dom.js";
import { plural } from "./text.js";

const AT_ONCE = 100;

function when(seconds) {
  const at = new Date(seconds * 1000);
  return el("time", {
    datetime: at.toISOString(),
    text: at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }),
  });
}

function row(entry, names) {
  const failed = entry.outcome >= 400;
  return el(
    "tr",
    { testid: "audit-entry" },
    el("td", { class: "nowrap" }, when(entry.at)),
    el("td", { text: names.get(entry.key_id) ?? entry.key_id }),
    el("th", { scope: "row" }, el("code", { text: entry.action })),
    el("td", {}, entry.object ? el("code", { text: entry.object }) : ""),
    el("td", { class: failed ? "number outcome-bad" : "number", text: entry.outcome }),
    el("td", {}, el("code", { class: "quiet", text: entry.trace_id })),
  );
}

/** The view. */
export async function audit() {
  const read = (after) => getJson(path(["audit"], { newest: true, limit: AT_ONCE, after }));
  const [first, kept] = await Promise.all([read(null), getJson(path(["keys"]))]);
  const names = new Map([
    ["admin", "admin key"],
    ["local", "no key"],
    ["-", "none"],
    ...kept.keys.map((key) => [key.id, key.name]),
  ]);
  const body = el("tbody");
  const foot = el("div", { class: "manage-foot" });

  function add(found) {
    body.append(...found.entries.map((entry) => row(entry, names)));
    foot.replaceChildren();
    if (found.next_after === null) return;
    const more = async () => {
      try {
        const older = await read(found.next_after);
        add(older);
        announce(`${plural(older.entries.length, "older entry", "older entries")} shown.`);
      } catch (error) {
        foot.append(errorBox(error));
      }
    };
    foot.append(
      el("button", {
        type: "button",
        class: "button",
        testid: "audit-more",
        text: "Show older entries",
        on: { click: more },
      }),
    );
  }

  add(first);
  const titles = ["Time", "Key", "What", "Object", "Status", "Trace"];
  return [
    el("div", { class: "manage-head" }, el("h2", { text: "Audit log" })),
    el("p", {
      class: "quiet",
      text: "Every change, reading, question and refusal, without any content. Nothing in it can be changed or deleted.",
    }),
    first.entries.length === 0
      ? el("p", { class: "quiet", testid: "audit-empty", text: "Nothing has been noted yet." })
      : el(
          "div",
          { class: "table-frame", tabindex: 0, role: "group", "aria-label": "Audit log" },
          el(
            "table",
            { class: "table small", testid: "audit" },
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                titles.map((title) =>
                  el("th", { scope: "col", class: title === "Status" ? "number" : null, text: title }),
                ),
              ),
            ),
            body,
          ),
        ),
    foot,
  ];
}
