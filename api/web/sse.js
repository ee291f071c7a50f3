// Reads server-sent events from a fetch response. EventSource is not used: it can neither post a question
// nor send an Authorization header.

/**
 * Yields `{event, data}` for each event, `data` as the raw string.
 *
 * Follows https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation:
 * an event that the end of the stream cuts off is not yielded.
 */
export async function* readEvents(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  let event = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      buffer += decoder.decode(value, { stream: true });
      // A carriage return at the very end may be the first half of a line end: it waits for the next chunk.
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
          event = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        if (colon === 0) continue;
        const field = colon < 0 ? line : line.slice(0, colon);
        const rest = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") event = rest;
        else if (field === "data") data.push(rest);
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
