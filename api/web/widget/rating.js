// "Was this helpful?" under an answer: thumbs, and then an optional comment.

import { el, icon, setChildren } from "../dom.js";
import { rate } from "./service.js";

/** The row for the answer `id`. `speak(words)` tells a screen reader, `describe(error)` puts a failure into words. */
export function rating(config, id, words, speak, describe) {
  const row = el("div", {
    class: "rating",
    testid: "widget-rating",
    role: "group",
    "aria-label": words.rating,
  });

  async function send(value, comment) {
    try {
      await rate(config, id, value, comment);
    } catch (error) {
      row.append(el("p", { class: "fault", role: "alert", text: describe(error) }));
      return;
    }
    if (comment === undefined) askWhy(value);
    else {
      setChildren(row, el("p", { class: "quiet", tabindex: -1, text: words.thanks }));
      row.firstChild.focus();
      speak(words.thanks);
    }
  }

  function askWhy(value) {
    const box = el("textarea", {
      rows: 2,
      maxlength: 2000,
      "aria-label": words.comment,
      placeholder: words.comment,
    });
    setChildren(
      row,
      el("p", { class: "quiet", text: words.thanks }),
      el(
        "form",
        {
          on: {
            submit: (event) => {
              event.preventDefault();
              const comment = box.value.trim();
              if (comment) send(value, comment);
            },
          },
        },
        box,
        el("button", {
          type: "submit",
          class: "plain",
          testid: "widget-comment-send",
          text: words.sendComment,
        }),
      ),
    );
    speak(words.thanks);
    box.focus();
  }

  const thumb = (value, label, glyph) =>
    el(
      "button",
      {
        type: "button",
        class: "plain square",
        "aria-label": label,
        title: label,
        testid: value > 0 ? "widget-yes" : "widget-no",
        on: { click: () => send(value) },
      },
      icon(glyph),
    );
  setChildren(
    row,
    el("span", { class: "quiet", text: words.rating }),
    thumb(1, words.yes, "thumb"),
    thumb(-1, words.no, "down"),
  );
  return row;
}
