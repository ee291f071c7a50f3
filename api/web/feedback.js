// Asks whether an answer was right, then why, and tells the service.

import { path, postJson } from "./api.js";
import { announce, el, errorBox, icon, setChildren } from "./dom.js";

const THANKS = "Thank you, noted.";

/** "Was this right?" under the answer with this id. */
export function feedback(id) {
  const holder = el("div", {
    class: "feedback small",
    testid: "feedback",
    role: "group",
    "aria-label": "Feedback",
  });
  const trouble = el("div", { class: "feedback-trouble" });

  async function send(rating, comment) {
    trouble.replaceChildren();
    try {
      const body = comment ? { rating, comment } : { rating };
      await postJson(path(["answers", id, "feedback"]), body);
    } catch (error) {
      setChildren(trouble, errorBox(error, { testid: "feedback-error" }));
      return;
    }
    announce(THANKS);
    if (comment === undefined) askWhy(rating);
    else {
      setChildren(holder, el("p", { class: "quiet", tabindex: -1, testid: "feedback-done", text: THANKS }));
      holder.firstElementChild.focus();
    }
  }

  function askWhy(rating) {
    const box = el("textarea", {
      id: `comment-${id}`,
      rows: 2,
      maxlength: 5000,
      testid: "feedback-comment",
      placeholder: rating > 0 ? "What was good about it?" : "What was wrong or missing?",
    });
    const form = el(
      "form",
      { class: "feedback-form" },
      el("label", { for: `comment-${id}`, text: `${THANKS} Say more, if you like:` }),
      box,
      el("button", { type: "submit", class: "button", testid: "feedback-send", text: "Send comment" }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const comment = box.value.trim();
      if (comment) send(rating, comment);
    });
    setChildren(holder, form, trouble);
    box.focus();
  }

  const thumb = (rating, words, glyph, testid) =>
    el(
      "button",
      { type: "button", class: "button button-plain", testid, on: { click: () => send(rating) } },
      icon(glyph),
      words,
    );
  setChildren(
    holder,
    el("span", { class: "quiet", text: "Was this right?" }),
    thumb(1, "Yes", "thumb", "feedback-yes"),
    thumb(-1, "No", "down", "feedback-no"),
    trouble,
  );
  return holder;
}
