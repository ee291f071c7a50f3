// The one modal dialog: a confirmation or a short form. The browser's own <dialog> keeps the focus inside,
// closes on Escape and gives the focus back.

import { byId, el } from "./dom.js";

/**
 * Shows a question and resolves to true when the person confirms, else false.
 *
 * `body` is a list of nodes between the title and the buttons.
 */
export function confirmDialog({ title, body, confirm, danger = false, wide = false }) {
  const dialog = byId("dialog");
  return new Promise((resolve) => {
    const cancel = el("button", {
      type: "button",
      class: "button",
      testid: "dialog-cancel",
      text: "Cancel",
      on: { click: () => dialog.close("cancel") },
    });
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", { id: "dialog-title", text: title }),
      ...body,
      el(
        "div",
        { class: "dialog-actions" },
        cancel,
        el("button", {
          type: "submit",
          value: "confirm",
          class: danger ? "button button-danger" : "button button-main",
          testid: "dialog-confirm",
          text: confirm,
        }),
      ),
    );
    dialog.replaceChildren(form);
    dialog.classList.toggle("dialog-wide", wide);
    dialog.returnValue = "cancel";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirm"), { once: true });
    dialog.showModal();
    (form.querySelector("input") ?? cancel).focus();
    // What was wrong at the last try is read first, also where the form is longer than the screen.
    form.querySelector('[role="alert"]')?.scrollIntoView({ block: "nearest" });
  });
}
