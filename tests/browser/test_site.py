"""The browser edition, built and served on this machine: what it says is what the command says, and it says it to nobody.

Building it needs npm's and Python's package indexes: where they do not answer these tests are skipped. The page stays
open from test to test, as Python takes seconds to start in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from graphcost import cli, slices
from graphcost.commands import serve
from harness import saved_with_holes

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = [*sorted(ROOT.glob("prototxt/*.prototxt")), *sorted(ROOT.glob("onnx_models/*.onnx"))]
AXE = ROOT / "tests/browser/node_modules/axe-core/axe.min.js"
UNREACHABLE = (
    "npm: No such file", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT",
    "No matching distribution found",
)  # fmt: skip
"""What npm and pip say where they, or what they ask, cannot be had."""
PATIENCE = 60.0
"""Seconds that anything may take before it has failed: on a machine that does much else Python starts slowly."""
OF_CHROMIUM = "CONNECT content-autofill.googleapis.com:443 "
"""What Chromium by itself asks for when a page has fields."""
SLOWER = 15
"""How many times as long the same work may take in WebAssembly."""


# --- the site and its page --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site, built once for all processes of a test run; GRAPHCOST_SITE names one that is built already."""
    if given := os.environ.get("GRAPHCOST_SITE"):
        return Path(given).resolve()
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, failed = base / "site", base / "site-failed"
    with (base / "site-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists() and not failed.exists():
            build = (sys.executable, ROOT / "scripts/site", folder)
            done = subprocess.run(build, capture_output=True, text=True, check=False)
            if done.returncode:
                failed.write_text(done.stderr.strip(), encoding="utf-8")
    if failed.exists():
        reason = failed.read_text(encoding="utf-8")
        if any(sign in reason for sign in UNREACHABLE):
            warnings.warn(f"the tests of the browser edition are skipped: {reason}", stacklevel=1)
            pytest.skip(reason)
        pytest.fail(reason)
    return folder


class Site:
    """The server of a site, which can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        self.server = serve.open_server(self.folder, self.port)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[list[str]]:
    """What is asked for that is not on this machine: browsers ask a proxy for it, here one that only takes notes."""
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            asked.append(self.rfile.readline(9999).decode("latin-1"))
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    asked.append(f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def opened(site: Path, browser: Any, elsewhere: list[str]) -> Iterator[Any]:
    """The page with the first report in it."""
    served = Site(site)
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
        proxy={"server": elsewhere.pop(), "bypass": "127.0.0.1"},
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.site, page.complaints, page.asked = served, [], []
    page.on("console", lambda message: page.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    context.on("request", lambda request: page.asked.append(request.url))
    page.goto(served.address)
    until(page, lambda: note(page) is not None)
    yield page
    context.close()
    served.stop()


@pytest.fixture
def page(opened: Any) -> Iterator[Any]:
    """The page as a visitor finds it, with the first sample; nothing may have been said on its console in the end."""
    assert opened.complaints == []
    opened.set_viewport_size({"width": 1280, "height": 900})
    visit(opened, "#sample=det1.prototxt")
    yield opened
    assert opened.complaints == []


def until(page: Any, true: Callable[[], object]) -> None:
    """Wait until it is true; the page's own policy forbids the waiting that playwright would do in it."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, {name: page.locator(name).inner_text() for name in ("#status", "#error")}
        page.wait_for_timeout(20)


def note(page: Any) -> Any:
    """What the page notes of the report that is seen: its number, milliseconds, bytes read, memory; None before any."""
    entry = "performance.getEntriesByName('graphcost:report')[0]"
    return page.evaluate(f"{entry} && {{...{entry}.detail, duration: {entry}.duration}}")


def after(page: Any, act: Callable[[], object]) -> Any:
    """Do something, and wait for the report on it; what the page notes of it."""
    before = note(page)["number"]
    act()
    until(page, lambda: note(page)["number"] > before)
    until(page, lambda: page.locator("#status").inner_text() != "Working")
    return note(page)


def visit(page: Any, fragment: str) -> None:
    """Follow a link to the page, which is open."""
    page.evaluate("history.replaceState(null, '', location.pathname)")
    after(page, lambda: page.evaluate(f"location.hash = {json.dumps(fragment)}"))


def choose(page: Any, *paths: Path) -> Any:
    return after(page, lambda: page.set_input_files("#files", list(paths)))


def write(page: Any, text: str) -> None:
    """Put a text into the editor as if it had been pasted."""
    page.locator(".cm-content").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def enter(page: Any, label: str, text: str) -> None:
    """Write into a field of the options and leave it, and wait for the report."""
    field = page.get_by_label(label, exact=True)
    after(page, lambda: (field.fill(text), field.press("Enter")))


def select(page: Any, label: str, choice: str) -> None:
    after(page, lambda: page.get_by_label(label, exact=True).select_option(choice))


def report(page: Any) -> Any:
    """The report that is seen, in its frame."""
    return page.frame_locator("#frames iframe:not(.next)")


def downloaded(page: Any, format: str) -> str:
    with page.expect_download() as caught:
        page.locator(f"[data-format={format}]").click()
    return Path(caught.value.path()).read_text(encoding="utf-8")


def printed(*arguments: str) -> str:
    """What the command prints."""
    out = StringIO()
    with redirect_stdout(out):
        assert cli.main(arguments) == 0
    return out.getvalue()


# --- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_each_sample_costs_what_the_command_says(path: Path, page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    if path.name != "det1.prototxt":
        after(page, lambda: page.select_option("#sample", path.name))
    said, expected = json.loads(downloaded(page, "json")), json.loads(printed(path.name, "--format", "json"))
    assert said["totals"] == expected["totals"] and said["totals"]["macs"] > 0
    assert said == expected


def test_the_report_is_in_a_frame_that_can_do_nothing_to_the_page(page: Any) -> None:
    frame = page.locator("#frames iframe")
    assert (
        frame.get_attribute("sandbox") == "allow-scripts" and frame.get_attribute("title") == "Report on det1.prototxt"
    )
    assert report(page).locator("h1").inner_text() == "det1 (Caffe)"
    report(page).get_by_role("button", name="MACs", exact=True).click()  # its own scripts run: the table is sorted
    assert report(page).locator("#layers tbody th").first.inner_text() == "conv1"


def test_the_command_that_is_shown_prints_what_is_downloaded(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page.get_by_label("data", exact=True).fill("1x'")  # nonsense first: it is quoted, and refused in words
    page.get_by_label("data", exact=True).press("Enter")
    page.locator("#error", has_text="--input").wait_for()
    assert r"'data=1x'\'''" in page.locator("#command").inner_text()
    enter(page, "data", "Nx3x24x24")
    enter(page, "Columns", "name,type,output,params,macs")
    select(page, "Device", "cortex-m4")
    select(page, "Inputs, outputs", "caller")
    after(page, lambda: page.get_by_label("with operators fused").check())
    enter(page, "Dimension N", "4")
    program, *words = shlex.split(page.locator("#command").inner_text())
    assert (program, words[-2:]) == ("graphcost", ["-o", "det1.html"])
    monkeypatch.chdir(ROOT / "prototxt")
    assert downloaded(page, "md") == printed(*words[:-2], "--format", "md")
    assert "<h1>det1 (Caffe)</h1>" in downloaded(page, "html")
    assert downloaded(page, "csv") == printed(*words[:-2], "--format", "csv")


def test_a_link_carries_the_options_and_the_text(page: Any) -> None:
    text = (ROOT / "prototxt/det1.prototxt").read_text(encoding="utf-8").replace("num_output: 10", "num_output: 12")
    after(page, lambda: write(page, text))
    select(page, "Style", "netscope")
    enter(page, "data", "1x3x24x24")
    page.get_by_role("button", name="Copy link").click()
    page.locator("#link-hint", has_text="Copied: the link has the options and the network.").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    said = downloaded(page, "md")
    visit(page, "#sample=det2.prototxt")
    assert downloaded(page, "md") != said
    visit(page, link.partition("#")[2])
    assert downloaded(page, "md") == said
    assert (
        page.locator("#command").inner_text()
        == "graphcost det1.prototxt --input data=1x3x24x24 --style netscope -o det1.html"
    )
    assert not [address for address in page.asked if "netscope" in address]  # the fragment is sent to nobody


def test_several_files_get_a_row_each_and_a_bad_one_a_line(page: Any, tmp_path: Path) -> None:
    names = ["-o'<b>.prototxt", "broken.onnx", "det2.prototxt"]
    (tmp_path / names[0]).write_bytes((ROOT / "prototxt/det1.prototxt").read_bytes())
    (tmp_path / names[1]).write_bytes(b"\x08\x08broken")
    choose(page, *(tmp_path / name for name in names[:2]), ROOT / "prototxt/det2.prototxt")
    rows = report(page).locator("tbody tr")
    assert rows.count() == 3 and "6,632" in rows.first.inner_text()
    assert page.locator("#error").inner_text().startswith("broken.onnx:byte 2: ")
    command = r"graphcost './-o'\''<b>.prototxt' broken.onnx det2.prototxt -o networks.html"
    assert page.locator("#command").inner_text() == command
    page.get_by_role("button", name="Remove broken.onnx").click()
    page.get_by_role("button", name="Remove det2.prototxt").click()
    report(page).get_by_role("heading", name="det1 (Caffe)").wait_for()


def test_two_networks_are_compared_layer_by_layer(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "prototxt")
    names = ["det1.prototxt", "det2.prototxt"]
    select(page, "Style", "netscope")  # which a comparison has not
    choose(page, *map(Path, names))
    assert page.locator("#command").inner_text() == "graphcost diff det1.prototxt det2.prototxt -o networks.html"
    assert downloaded(page, "md") == printed("diff", *names, "--format", "md")
    assert "det2" in report(page).locator("h1").inner_text()
    select(page, "Style", "")
    after(page, lambda: page.get_by_label("layer by layer").uncheck())
    assert report(page).locator("tbody tr").count() == 2


# --- while one types --------------------------------------------------------------------------------------------------


def test_an_error_stands_at_its_line_as_the_command_says_it_and_nothing_typed_is_lost(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "prototxt/det1.prototxt").read_text(encoding="utf-8")
    broken = text.replace("kernel_size: 3", "kernel_size: }", 1)
    line = broken[: broken.index("kernel_size: }")].count("\n") + 1
    (tmp_path / "det1.prototxt").write_text(broken, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["det1.prototxt"]) == 2
    complaint = capsys.readouterr().err.removeprefix("graphcost: error: ").strip()
    assert complaint.startswith(f"det1.prototxt:{line}: ")

    write(page, broken)
    page.locator("#error", has_text=complaint).wait_for()
    assert page.locator("#error").get_attribute("role") == "alert"
    assert "kernel_size: }" in page.locator(".cm-wrong").inner_text()
    assert page.locator(".cm-problem").inner_text() == complaint.split(": ", 1)[1]
    assert page.locator("#status").inner_text() == "The report below is of what was there before"
    page.locator(".cm-content").focus()
    after(page, lambda: page.keyboard.press("ControlOrMeta+z"))
    assert page.locator(".cm-wrong, .cm-problem").count() == 0 and page.locator("#error").inner_text() == ""
    assert page.locator("#status").inner_text() == "Report on det1.prototxt"


def test_an_edit_takes_few_times_what_it_takes_in_native_python(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page.locator(".cm-content").focus()
    page.keyboard.press("ControlOrMeta+Home")
    notes = [after(page, lambda: page.keyboard.insert_text("#\n")) for _ in range(12)]
    monkeypatch.chdir(ROOT / "prototxt")
    native = []
    for _ in range(12):
        begin = time.perf_counter()
        printed("det1.prototxt", "--format", "html")
        native.append((time.perf_counter() - begin) * 1000)
    work, seen, here = (
        statistics.median(each) for each in ([n["milliseconds"] for n in notes], [n["duration"] for n in notes], native)
    )
    print(f"\nan edit of det1: {work:.0f} ms in WebAssembly, seen after {seen:.0f} ms; {here:.1f} ms in native Python")
    assert work / here < SLOWER


def test_the_reader_stays_where_the_report_was_scrolled_to(page: Any) -> None:
    report(page).locator("#layers-title").evaluate("(element) => element.scrollIntoView()")
    page.wait_for_timeout(200)
    scrolled = report(page).locator("html").evaluate("scrollY")
    page.locator(".cm-content").focus()
    after(page, lambda: page.keyboard.insert_text("#\n"))
    assert scrolled > 500
    until(page, lambda: report(page).locator("html").evaluate("scrollY") == scrolled)


def test_tab_leads_out_of_the_editor(page: Any) -> None:
    page.locator(".cm-content").focus()
    assert page.evaluate("document.activeElement.id") == "editor"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "editor"


# --- large files, stopping, breaking down -----------------------------------------------------------------------------


def test_of_a_file_of_a_gigabyte_only_the_structure_is_read(page: Any, tmp_path: Path) -> None:
    """128 weights of 8 MiB, which are holes in the file; around each of them a slice is read."""
    path = saved_with_holes(tmp_path / "large.onnx", tensors=128, each=8 * 2**20)
    assert path.stat().st_size > 2**30
    noted = choose(page, path)
    print(f"\n{noted['read']:,} of {path.stat().st_size:,} bytes read, {noted['memory']:,} bytes of memory")
    assert noted["read"] < (128 + 20) * slices.PAGE
    assert noted["memory"] < 200 * 2**20
    assert json.loads(downloaded(page, "json"))["totals"]["params"] == 128 * 2 * 2**20


def long_network(layers: int) -> str:
    """A chain of convolutions, whose report takes native Python seconds."""
    text = ['input: "x0" input_shape { dim: 1 dim: 8 dim: 9 dim: 9 }']
    conv = "convolution_param { num_output: 8 kernel_size: 1 }"
    text += [
        f'layer {{ name: "c{at}" type: "Convolution" bottom: "x{at}" top: "x{at + 1}" {conv} }}' for at in range(layers)
    ]
    return "\n".join(text)


def test_a_run_can_be_stopped_and_the_next_one_works(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "long.prototxt"
    path.write_text(long_network(20_000), encoding="utf-8")
    page.set_input_files("#files", path)
    page.get_by_role("button", name="Stop").click()
    page.locator("#status", has_text="Stopped").wait_for()
    assert page.get_by_role("button", name="Run again").is_visible()
    after(page, lambda: page.select_option("#sample", "det1.prototxt"))
    assert page.locator("#status").inner_text() == "Report on det1.prototxt"
    assert page.get_by_role("button", name="Run again").count() == 0


def test_a_worker_that_breaks_down_is_one_line_and_a_new_worker(page: Any) -> None:
    page.workers[-1].evaluate("void setTimeout(() => { throw new Error('out of memory') })")
    page.locator("#error", has_text="Python stopped working: ").wait_for()
    line = page.locator("#error").inner_text()
    assert "out of memory" in line and line.endswith("; it has been started again") and "\n" not in line
    select(page, "Style", "netscope")
    assert page.locator("#error").inner_text() == ""
    page.complaints.clear()  # what the browser says of the error


def test_without_a_network_the_page_opens_and_works(page: Any) -> None:
    page.site.stop()
    try:
        page.goto("about:blank")
        page.goto(f"{page.site.address}#sample=det2.prototxt")
        until(page, lambda: note(page) is not None)
        assert page.locator("#status").inner_text() == "Report on det2.prototxt"
        after(page, lambda: page.select_option("#sample", "vgg16.onnx"))
    finally:
        page.site.start()


# --- nobody hears of it -----------------------------------------------------------------------------------------------


def test_no_request_leaves_the_origin_and_none_could(page: Any, elsewhere: list[str]) -> None:
    attempt = "fetch('http://elsewhere.example/').then(() => 'answered', () => 'refused')"
    assert page.evaluate(attempt) == "refused"
    assert page.workers[-1].evaluate(attempt) == "refused"
    said = [page.complaints.pop() for _ in range(len(page.complaints))]
    assert all("Content Security Policy" in line for line in said) and said
    assert [line for line in elsewhere if not line.startswith(OF_CHROMIUM)] == []
    known = (page.site.address, f"blob:{page.site.address}", "about:", "http://elsewhere.example/")
    assert [address for address in page.asked if not address.startswith(known)] == []
    policy = json.loads((page.site.folder / "site.json").read_text(encoding="utf-8"))["policy"]
    assert (
        policy.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-")
        and "unsafe-inline" not in policy
    )
    assert page.locator("meta[http-equiv]").get_attribute("content") == policy


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_nothing_stands_in_the_way_of_a_reader(width: int, scheme: str, page: Any) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#frames iframe").bounding_box()["width"] > 0.5 * min(width, 900)
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix tests/browser")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    write(page, "layer { }")  # with an error at its line
    page.locator("#error", has_text="net.prototxt").or_(page.locator("#error", has_text="det1")).wait_for()
    result = page.evaluate("axe.run(document, {iframes: false})")
    found = [
        (each["id"], node["html"][:120], node["failureSummary"])
        for each in result["violations"]
        for node in each["nodes"]
    ]
    assert found == [] and len(result["passes"]) > 15
