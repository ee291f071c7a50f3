// The one script tag of a page that wants the chat widget: docs/widget.md. A plain script, so that it can find its own
// tag; everything else comes as modules from the same service. Leaves no name behind in the page.

(() => {
  const tag = document.currentScript;
  if (!tag?.src) {
    console.error('Footnote: load the widget with <script src=".../widget.js">, without type="module".');
    return;
  }
  const base = new URL(".", tag.src).href;
  import(`${base}web/widget/main.js`)
    .then(({ start }) => start(tag, base))
    .catch((error) => {
      console.error(
        `Footnote: the widget did not start. A content policy of this page has to allow ${new URL(base).origin} ` +
          "in script-src and connect-src.",
        error,
      );
    });
})();
