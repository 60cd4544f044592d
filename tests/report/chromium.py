"""A small DevTools client for a headless Chromium on loopback; not a test itself."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]


def find() -> str | None:
    """Return the path of a Chromium, if there is one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None


class Browser:
    """One page of a headless browser; records console output, errors and requests."""

    def __init__(self, program: str, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found.group(1))
                break
        else:
            raise RuntimeError("the browser did not start")
        self.number = 0
        self.messages: list[dict[str, Any]] = []
        self.run(self._connect())
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    async def _connect(self) -> None:
        from tornado.httpclient import AsyncHTTPClient
        from tornado.websocket import websocket_connect

        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{self.port}/json")
        page = next(p for p in json.loads(answer.body) if p["type"] == "page")
        self.socket = await websocket_connect(
            page["webSocketDebuggerUrl"], max_message_size=64 * 2**20
        )

    def run(self, task: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(task, 30))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that arrive meanwhile are kept."""
        self.number += 1
        wanted = self.number
        text = json.dumps({"id": wanted, "method": method, "params": parameters})

        async def exchange() -> dict[str, Any]:
            await self.socket.write_message(text)
            while True:
                received = await self.socket.read_message()
                assert received is not None, "the browser closed the connection"
                message: dict[str, Any] = json.loads(received)
                if message.get("id") == wanted:
                    assert "error" not in message, message
                    result: dict[str, Any] = message["result"]
                    return result
                self.messages.append(message)

        answer: dict[str, Any] = self.run(exchange())
        return answer

    def open(self, address: str, width: int, height: int = 900, scheme: str = "light") -> None:
        """Load a page at a viewport size in a colour scheme, and wait until it is complete."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.messages.clear()
        self.call("Page.navigate", url=address)
        for _ in range(200):
            if self.value("document.readyState === 'complete' && location.href") == address:
                return
            self.run(asyncio.sleep(0.05))
        raise TimeoutError(address)

    def load(self, address: str) -> None:
        """Load a page and wait for its load event; works where scripts are switched off."""
        self.messages.clear()
        self.call("Page.navigate", url=address)
        for _ in range(200):
            self.call("Browser.getVersion")  # reads what has arrived since
            if any(message["method"] == "Page.loadEventFired" for message in self.messages):
                return
            self.run(asyncio.sleep(0.05))
        raise TimeoutError(address)

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def point(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def picture(self, path: Path) -> None:
        """Save what is in view as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def complaints(self) -> list[str]:
        """Return console messages of any kind, errors and failed loads since the last `open`."""
        self.run(asyncio.sleep(0.2))
        self.value("1")  # reads what has arrived since
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        kinds += ("Network.loadingFailed",)
        return [json.dumps(m) for m in self.messages if m["method"] in kinds]

    def requests(self) -> list[str]:
        """Return the addresses asked for since the last `open`, those of inline data left out."""
        sent = [m for m in self.messages if m["method"] == "Network.requestWillBeSent"]
        urls = [message["params"]["request"]["url"] for message in sent]
        return [url for url in urls if not url.startswith("data:")]

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.loop.close()
