// Which documents of the list are shown: by words of their names and by state. The field appears when the list is long
// enough to need it.

import { byId } from "./dom.js";

const ENOUGH = 7;
const GROUPS = { ready: ["ready"], working: ["queued", "parsing", "embedding"], failed: ["failed"] };

/** Wires the filter; `onChange()` is called when it says something else. */
export function createFilter({ onChange }) {
  const bar = byId("documents-filter");
  const words = byId("documents-words");
  const status = byId("documents-status");
  words.addEventListener("input", onChange);
  status.addEventListener("change", onChange);

  const active = () => words.value.trim() !== "" || status.value !== "";
  return {
    active,
    /** Whether a document is to be shown. */
    matches(doc) {
      const text = `${doc.title ?? ""} ${doc.filename ?? ""}`.toLowerCase();
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const states = GROUPS[status.value];
      const warned = status.value === "warned";
      return (
        wanted.every((word) => text.includes(word)) &&
        (!states || states.includes(doc.status)) &&
        (!warned || doc.warnings?.length > 0)
      );
    },
    /** Shows the field for a list of so many documents. */
    fit(total) {
      bar.hidden = total < ENOUGH && !active();
    },
    clear() {
      words.value = "";
      status.value = "";
    },
  };
}
