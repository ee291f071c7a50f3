// The link that saves a document's original file.

import { getBlob, path, readKey } from "./api.js";
import { el, errorBox, icon } from "./dom.js";

/** A download link. With a key the file is fetched first: a plain link cannot carry the key. */
export function originalLink(id, filename) {
  const address = path(["documents", id, "original"]);
  const link = el(
    "a",
    { class: "button button-plain", href: address, download: filename || "", testid: "original-link" },
    icon("download"),
    "Original",
  );
  link.addEventListener("click", async (event) => {
    if (!readKey()) return;
    event.preventDefault();
    try {
      const url = URL.createObjectURL(await getBlob(address));
      el("a", { href: url, download: filename || "document" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      link.after(errorBox(error));
    }
  });
  return link;
}
