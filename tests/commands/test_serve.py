"""`graphcost serve`: files of a built site, to this machine alone and under the site's own policy."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from graphcost import cli
from graphcost.commands import serve
from graphcost.errors import ModelError

POLICY = "default-src 'none'"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "pyodide").mkdir(parents=True)
    (folder / "site.json").write_text(json.dumps({"policy": POLICY}))
    for name in ("index.html", "app.js", "pyodide/pyodide.mjs", "pyodide/pyodide.asm.wasm", "net.onnx"):
        (folder / name).write_text(name)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def server(site: Path) -> Iterator[ThreadingHTTPServer]:
    opened = serve.open_server(site, 0)
    thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
    thread.start()
    yield opened
    opened.shutdown()
    thread.join()
    opened.server_close()


def get(server: ThreadingHTTPServer, path: str, host: str = "127.0.0.1") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", path, headers={"Host": f"{host}:{server.server_port}"})
    response = connection.getresponse()
    response.content = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/pyodide/pyodide.mjs", "text/javascript; charset=utf-8"),
        ("/pyodide/pyodide.asm.wasm", "application/wasm"),
        ("/net.onnx", "application/octet-stream"),
    ],
)
def test_files_come_with_the_types_that_browsers_ask_for(path: str, type_: str, server: ThreadingHTTPServer) -> None:
    response = get(server, path)
    assert (response.status, response.headers["Content-Type"]) == (200, type_)
    assert response.headers["Content-Security-Policy"] == f"{POLICY}; frame-ancestors 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/pyodide/", "/absent", "/../secret.txt", "/%2e%2e/secret.txt"])
def test_nothing_else_is_served_and_no_folder_is_listed(path: str, server: ThreadingHTTPServer) -> None:
    assert get(server, path).status == 404


def test_a_page_elsewhere_that_had_its_name_lead_here_gets_nothing(server: ThreadingHTTPServer) -> None:
    assert get(server, "/", host="attacker.example").status == 403
    assert get(server, "/", host="localhost").status == 200
    assert server.server_address[0] == "127.0.0.1"


def test_without_a_site_it_is_said_how_to_build_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["serve", "absent"]) == 2
    reason = "absent: there is no built site; in a checkout of graphcost, scripts/site build/site makes one"
    assert capsys.readouterr().err.startswith(f"graphcost: error: {reason}")


def test_a_port_that_is_taken_is_refused(server: ThreadingHTTPServer, site: Path) -> None:
    with pytest.raises(ModelError, match=rf"--port: {server.server_port} cannot be had .*; --port 0 takes a free one"):
        serve.open_server(site, server.server_port)
    with pytest.raises(ModelError, match="--port: 70000 cannot be had"):
        serve.open_server(site, 70000)


def test_a_folder_with_another_site_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text("[]")
    with pytest.raises(ModelError, match=r"site.json: not of a built site"):
        serve.open_server(serve.found(tmp_path), 0)


def test_the_command_says_where_the_page_is_and_ends_when_it_is_interrupted(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: ThreadingHTTPServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", interrupted)
    assert cli.main(["serve", str(site), "--port", "0"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("http://127.0.0.1:") and out.endswith("/  (Ctrl+C ends)\n\n")


def test_an_option_that_it_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--all-interfaces"]) == 2
    assert "no option '--all-interfaces'" in capsys.readouterr().err
