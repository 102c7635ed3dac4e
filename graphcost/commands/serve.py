"""`graphcost serve`: the browser edition on this machine, from a folder that `scripts/site` has built.

Serves files of that folder to this machine alone; no model and no number passes through here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .. import options
from ..errors import ModelError

BUILT = Path("build/site")
"""Where the site is looked for when no folder is given: here, and in the checkout that this package is in."""
HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""What a browser on this machine calls it. Another name is a page elsewhere that had its own name lead here."""

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".prototxt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".zip": "application/zip",
    "": "application/octet-stream",
}
"""By suffix: browsers run no script and compile no WebAssembly of another type, and machines' own tables differ."""


class Handler(SimpleHTTPRequestHandler):
    """Answers with files of a folder, under the security policy that the site states."""

    extensions_map = TYPES
    protocol_version = "HTTP/1.1"

    def __init__(self, *given: Any, policy: str, **named: Any) -> None:
        self.policy = policy
        super().__init__(*given, **named)

    def send_head(self) -> Any:
        """The file's opening; an error for a folder without a page, and for whoever calls this machine otherwise."""
        if self.headers.get("Host", "").partition(":")[0] not in NAMES:
            self.send_error(403)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        """Nothing is listed."""
        self.send_error(404)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", f"{self.policy}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *given: object) -> None:
        """Nothing is logged."""


def run(words: Sequence[str]) -> int:
    """Serve until somebody interrupts. Raises ModelError when there is no site, or the port is taken."""
    given = options.serve_parser().parse_args(words)
    server = open_server(found(given.folder), given.port)
    print(f"http://{HOST}:{server.server_port}/  (Ctrl+C ends)", flush=True)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def found(folder: Path | None) -> Path:
    """The folder of the site. Raises ModelError saying how to build one."""
    checkout = Path(__file__).resolve().parent.parent.parent
    places = [folder] if folder is not None else [BUILT, checkout / BUILT]
    for place in places:
        if (place / "site.json").is_file():
            return place
    reason = f"there is no built site; in a checkout of graphcost, scripts/site {BUILT} makes one (with node and npm)"
    raise ModelError(str(places[0]), "", reason)


def open_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the site, on a free port when `port` is 0. Raises ModelError for a port that cannot be had."""
    try:
        policy = json.loads((folder / "site.json").read_text(encoding="utf-8"))["policy"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(str(folder / "site.json"), "", f"not of a built site: {problem!r}") from None
    try:
        return ThreadingHTTPServer((HOST, port), partial(Handler, directory=str(folder), policy=str(policy)))
    except (OSError, OverflowError) as problem:
        reason = f"{port} cannot be had ({problem}); --port 0 takes a free one"
        raise ModelError("--port", "", reason) from None
