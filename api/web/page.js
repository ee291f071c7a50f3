// Page images: which pages of a source can be shown, and drawing one with its quote marked.

import { getBlob, ownPath, path } from "./api.js";
import { el, icon, setChildren } from "./dom.js";
import { titleOf } from "./text.js";

/** The pages of a passage that can be shown as images; `doc` is what is known of its document, or null. */
export function pageNumbers(item, doc) {
  const { pages } = item;
  if (!Array.isArray(pages) || pages.length === 0 || !hasImages(item, doc)) return [];
  const numbers = [];
  for (let page = pages[0]; page <= pages.at(-1); page += 1) numbers.push(page);
  return numbers;
}

/** Where the image of page `number` is, the quote marked on it. */
function imageAddress(item, number) {
  const given = ownPath(item.url);
  if (given && given.split("?")[0].endsWith(`/pages/${number}.png`)) return given;
  const citation = `${item.version}:${item.start}-${item.end}`;
  return path(["documents", item.document_id, "pages", `${number}.png`], { citation });
}

function hasImages(item, doc) {
  const given = ownPath(item.url);
  if (given?.split("?")[0].endsWith(".png")) return true;
  if (doc?.media_type) return doc.media_type === "application/pdf";
  return /\.pdf$/i.test(item.filename ?? "");
}

/**
 * Draws a page. A canvas, not an <img>: the request has to carry the key, and the page's content policy
 * admits no blob addresses.
 */
export async function drawPage(holder, item, number, signal) {
  try {
    const blob = await getBlob(imageAddress(item, number), signal);
    const bitmap = await createImageBitmap(blob);
    if (signal.aborted) return;
    const canvas = el("canvas", {
      width: bitmap.width,
      height: bitmap.height,
      role: "img",
      "aria-label": `Page ${number} of ${titleOf(item)}, the quote marked`,
      testid: "page-image",
      "data-page": number,
    });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    const enlarge = el(
      "button",
      {
        type: "button",
        class: "button button-plain page-enlarge",
        "aria-pressed": "false",
        testid: "page-enlarge",
        on: {
          click: () => {
            const large = holder.classList.toggle("page-large");
            enlarge.setAttribute("aria-pressed", String(large));
          },
        },
      },
      icon("enlarge"),
      "Full size",
    );
    // A scrolling area has to be reachable by keyboard.
    setChildren(
      holder,
      el("div", { class: "page-frame", tabindex: 0, role: "group", "aria-label": `Page ${number}` }, canvas),
      enlarge,
    );
    holder.dataset.state = "shown";
  } catch (error) {
    if (error.name === "AbortError") return;
    holder.dataset.state = "failed";
    setChildren(
      holder,
      el("p", {
        class: "quiet small",
        testid: "page-image-error",
        text: `No image of page ${number}: ${error.message}`,
      }),
    );
  }
}
