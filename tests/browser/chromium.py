"""A real browser without a window, driven over a pair of pipes by the Chrome DevTools Protocol.

    with Chromium(program) as browser:
        browser.open("http://127.0.0.1:8000/")
        browser.run("document.title")

https://chromedevtools.github.io/devtools-protocol/. Nothing has to be installed but the browser.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_WAIT_S = 60.0
# What a key does is told by its code: https://chromedevtools.github.io/devtools-protocol/tot/Input/.
_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "Space": (32, " "),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}
_SHIFT = 8


def find_browser() -> str | None:
    """The browser that ``FOOTNOTE_BROWSER`` names, or one that is installed, or None."""
    named = os.environ.get("FOOTNOTE_BROWSER")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser with one page.

    Args:
        program: Its path.
        switches: Further switches of its command line.
    """

    def __init__(self, program: str, switches: Sequence[str] = ()) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="footnote-browser-")
        into_browser, self._out = os.pipe()
        self._in, out_of_browser = os.pipe()
        switches = [
            "--headless=new",
            "--remote-debugging-pipe",
            f"--user-data-dir={self._profile.name}",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            *switches,
            "about:blank",
        ]
        # The browser reads commands from descriptor 3 and answers on 4.
        moved = f'exec 3<&{into_browser} 4>&{out_of_browser}; exec "$0" "$@"'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", moved, program, *switches],
            pass_fds=(into_browser, out_of_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(into_browser)
        os.close(out_of_browser)
        self._number = 0
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        # Every event, in order: requests, dialogs, messages of the console.
        self.events: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        pages = self.call("Target.getTargets", session=False)["targetInfos"]
        page = next(each["targetId"] for each in pages if each["type"] == "page")
        attached = self.call("Target.attachToTarget", {"targetId": page, "flatten": True}, session=False)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        # A helper of the browser may still write into its folder for a moment.
        shutil.rmtree(self._profile.name, ignore_errors=True)
        self._profile._finalizer.detach()  # type: ignore[attr-defined]

    def call(
        self, method: str, given: dict[str, Any] | None = None, *, session: bool = True
    ) -> dict[str, Any]:
        """Call a method of the protocol and give its result.

        Raises:
            RuntimeError: The browser refuses, or has ended.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": given or {}}
        if session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            try:
                answer = self._answers.get(timeout=_WAIT_S)
            except queue.Empty as error:
                raise RuntimeError(f"The browser does not answer {method}.") from error
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> str:
        """Open a page; gives why it could not be shown, or an empty string."""
        return str(self.call("Page.navigate", {"url": url}).get("errorText", ""))

    def run(self, script: str) -> Any:
        """The value of an expression in the page.

        Raises:
            RuntimeError: It throws.
        """
        given = {"expression": script, "returnByValue": True, "awaitPromise": True}
        found = self.call("Runtime.evaluate", given)
        if "exceptionDetails" in found:
            said = found["exceptionDetails"].get("exception", {}).get("description", "")
            raise RuntimeError(f"{script}: {said}")
        return found["result"].get("value")

    def wait_for(self, script: str, seconds: float = _WAIT_S) -> None:
        """Return as soon as an expression is true.

        Raises:
            TimeoutError: It is not, for so long.
        """
        deadline = time.monotonic() + seconds
        while not self.run(f"!!({script})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{script} did not become true; the page shows: {self.shown()[:2000]}")
            time.sleep(0.05)

    def shown(self) -> str:
        """The words on the page."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def viewport(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the page a size in CSS pixels; a phone is touched and has no pointer that hovers."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", size)
        self.call("Emulation.setTouchEmulationEnabled", {"enabled": phone})

    def prefer(self, *, dark: bool = False, still: bool = False) -> None:
        """Say what the person prefers: dark colours, no motion."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.call("Emulation.setEmulatedMedia", {"features": features})

    def press(self, key: str, times: int = 1, *, shift: bool = False) -> None:
        """Press a key of the keyboard, as a person does: what has the focus gets it."""
        code, text = _KEYS[key]
        name = " " if key == "Space" else key
        given = {"key": name, "code": key, "windowsVirtualKeyCode": code, "modifiers": _SHIFT if shift else 0}
        for _ in range(times):
            down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
            self.call("Input.dispatchKeyEvent", {**given, **down})
            self.call("Input.dispatchKeyEvent", {**given, "type": "keyUp"})

    def write(self, text: str) -> None:
        """Write into what has the focus."""
        self.call("Input.insertText", {"text": text})

    def give_files(self, selector: str, *paths: Path) -> None:
        """Choose files in a file field, as its dialog would."""
        node = self._handle(f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", {"files": [str(each) for each in paths], "objectId": node})

    def drop_files(self, x: float, y: float, *paths: Path) -> None:
        """Drag files over the page and let them go."""
        data = {"items": [], "files": [str(each) for each in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})

    def screenshot(self, path: Path) -> None:
        """Draw what is seen into a PNG file."""
        drawn = self.call("Page.captureScreenshot", {"format": "png"})
        path.write_bytes(base64.b64decode(drawn["data"]))

    def _handle(self, script: str) -> str:
        found = self.call("Runtime.evaluate", {"expression": script})["result"]
        return str(found["objectId"])

    def requests(self) -> list[str]:
        """Addresses of all requests that the page made or tried to make."""
        asked = (each for each in self.events if each["method"] == "Network.requestWillBeSent")
        return [each["params"]["request"]["url"] for each in asked]

    def dialogs(self) -> list[str]:
        """Messages of the dialogs that a script opened."""
        opened = (each for each in self.events if each["method"] == "Page.javascriptDialogOpening")
        return [each["params"]["message"] for each in opened]

    def _read(self) -> None:
        with os.fdopen(self._in, "rb") as pipe:
            waiting = b""
            while part := pipe.read1(1 << 20):
                *whole, waiting = (waiting + part).split(b"\0")
                for message in map(json.loads, whole):
                    if "id" in message:
                        self._answers.put(message)
                    else:
                        self.events.append(message)
