"""A report in a real browser: Chromium without a window, one for each worker, driven by playwright.

Nothing is installed here: without playwright or Chromium the tests that need them are skipped and say so. Whatever a
test looks at, it fails when the page complained on the console or asked for anything beyond its own file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import graphcost

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip

OpenReport = Callable[..., "Page"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in a browser is slow."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once for all the tests of a worker."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'"
    )
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip(f"there is no {' or '.join(NAMES)} on this machine")
    with playwright.sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=executable, chromium_sandbox=False, args=QUIET)
        except playwright.Error as problem:
            pytest.skip(f"{executable} does not start: {problem.message.splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[OpenReport]:
    """Open the report of a file, an Analysis, or HTML that is given: `open_report(analysis, width=400, sort="macs")`.

    Keywords other than `width`, `dark` and `scripts` are options of the report. `page.complaints` has what the console
    said and what the page threw, `page.fetched` the addresses it asked for besides its own; both must end up empty.
    """
    contexts = []
    pages: list[Any] = []

    def open_(
        source: str | Path | graphcost.Analysis,
        *,
        width: int = 1280,
        dark: bool = False,
        scripts: bool = True,
        **options: Any,
    ) -> Page:
        if isinstance(source, Path):
            source = graphcost.analyze(graphcost.load(source))
        html = source if isinstance(source, str) else source.report(**options).render("html")
        file = tmp_path / f"report{len(pages)}.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page: Any = context.new_page()
        pages.append(page)
        page.complaints, page.fetched = [], []
        page.on("console", lambda message: page.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        page.goto(file.as_uri())
        page.fetched.remove(file.as_uri())
        return page  # type: ignore[no-any-return]

    yield open_
    complaints = [complaint for page in pages for complaint in page.complaints]
    fetched = [address for page in pages for address in page.fetched]
    for context in contexts:
        context.close()
    assert complaints == []
    assert fetched == []
