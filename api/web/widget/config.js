// What the script tag says: its data- attributes, checked, with their defaults.

const THEMES = ["auto", "light", "dark"];
const SIDES = ["right", "left"];
const MODES = ["auto", "extractive", "generative"];
const MOST_SUGGESTIONS = 5;

function choice(value, known, name) {
  if (value === undefined || known.includes(value)) return value ?? known[0];
  console.warn(`Footnote: data-${name}="${value}" is not one of ${known.join(", ")}; ${known[0]} is taken.`);
  return known[0];
}

/** The settings of one widget, from the `data-` attributes of its script tag. */
export function readConfig({ dataset }, base) {
  return {
    base,
    key: dataset.key ?? "",
    collection: dataset.collection || "default",
    language: dataset.lang || document.documentElement.lang || navigator.language || "en",
    theme: choice(dataset.theme, THEMES, "theme"),
    side: choice(dataset.side, SIDES, "side"),
    mode: choice(dataset.mode, MODES, "mode"),
    accent: dataset.accent ?? "",
    accentInk: dataset.accentInk ?? "",
    target: dataset.target ?? "",
    open: "open" in dataset && dataset.open !== "false",
    // Words of the page's own, in the place of the widget's.
    title: dataset.title ?? "",
    label: dataset.label ?? "",
    greeting: dataset.greeting ?? "",
    placeholder: dataset.placeholder ?? "",
    note: dataset.note ?? "",
    suggestions: (dataset.suggestions ?? "")
      .split("|")
      .map((each) => each.trim())
      .filter(Boolean)
      .slice(0, MOST_SUGGESTIONS),
  };
}
