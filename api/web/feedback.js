// Asks whether an answer was right and tells the service.

import { path, postJson } from "./api.js";
import { el, errorBox, setChildren } from "./dom.js";

/** "Was this right?" under the answer with this id. */
export function feedback(id) {
  const holder = el("div", { class: "feedback small", testid: "feedback" });
  const send = async (rating) => {
    try {
      await postJson(path(["answers", id, "feedback"]), { rating });
      setChildren(holder, el("span", { class: "quiet", role: "status", text: "Thank you, noted." }));
    } catch (error) {
      holder.append(errorBox(error));
    }
  };
  const choice = (rating, words) =>
    el("button", {
      type: "button",
      class: "button button-plain",
      text: words,
      on: { click: () => send(rating) },
    });
  setChildren(
    holder,
    el("span", { class: "quiet", text: "Was this right?" }),
    choice(1, "Yes"),
    choice(-1, "No"),
  );
  return holder;
}
