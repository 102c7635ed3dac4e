"""The documentation site, and the guides on it: every command on them prints what stands below it."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from harness import script

GUIDES = sorted(path.stem for path in (Path(__file__).parent.parent / "docs/guides").glob("*.md"))


@pytest.fixture
def docs(root: Path) -> ModuleType:
    """scripts/docs as a module."""
    return script(root, "docs")


def test_every_page_has_its_place_in_the_navigation_and_every_place_its_page(root: Path) -> None:
    config = (root / "docs/mkdocs.yml").read_text(encoding="utf-8")
    places = re.findall(r"^ +- [^:]+: (\S+\.md)$", config.partition("\nnav:\n")[2], re.MULTILINE)
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("benchmarks/*.md")]
    assert sorted(places) == sorted(path.relative_to(root).as_posix() for path in pages)


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_shows_what_its_commands_print(guide: str, root: Path, tmp_path: Path, docs: ModuleType) -> None:
    page = (root / f"docs/guides/{guide}.md").read_text(encoding="utf-8")
    assert docs.play(page, tmp_path) == page, "run scripts/docs --guides"


def test_what_a_page_shows_is_replaced_by_what_its_commands_print_in_a_folder_with_its_files(
    tmp_path: Path, docs: ModuleType
) -> None:
    page = (
        "A file and a table that is left alone:\n\n```python\n# two.py\nprint(2)\n```\n\n```text\n9\n```\n\n"
        "    cat two.py\n    ls prototxt | grep det1\n\n```text\nold\n```\n\n    echo unseen > three\n\n"
        "    cat three\n\n```text\n```\n"
    )
    shown = page.replace("old\n", "# two.py\nprint(2)\ndet1.prototxt\n").replace(
        "three\n\n```text\n", "three\n\n```text\nunseen\n"
    )
    assert docs.play(page, tmp_path) == shown


@pytest.mark.slow
def test_the_site_builds_without_a_broken_link_and_asks_nothing_of_another_host(
    root: Path, tmp_path: Path, docs: ModuleType
) -> None:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    docs.build_site(tmp_path / "site")
    pages = [*(tmp_path / "site").glob("**/*.html")]
    assert {"index.html", "reference.html", "microcontroller.html"} <= {page.name for page in pages}
    for page in pages:
        loaded = re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?([^\" >]+)", page.read_text(encoding="utf-8")
        )
        assert [address for address in loaded if "//" in address] == [], page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("[a](docs/other.md#nowhere)", "does not contain an anchor '#nowhere'"),
        ("[a](docs/missing.md)", "'docs/missing.md', but the target is not found"),
        ("![a](docs/missing.png)", "'docs/missing.png', but the target is not found"),
        ("[a](LICENSE)", "unrecognized relative link 'LICENSE'"),
    ],
)
def test_a_link_that_leads_nowhere_ends_the_site(
    link: str, complaint: str, tmp_path: Path, docs: ModuleType, root: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"# One\n\n{link}\n")
    (tmp_path / "docs/other.md").write_text("# Other\n")
    config, _, _ = (root / "docs/mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")
    (tmp_path / "docs/mkdocs.yml").write_text(config)
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "DOCS", tmp_path / "docs")
    with pytest.raises(SystemExit, match="no site"):
        docs.build_site(tmp_path / "site")
    assert complaint in capfd.readouterr().err


def test_a_site_is_not_built_over_anything_else(tmp_path: Path, docs: ModuleType) -> None:
    (tmp_path / "thesis.tex").touch()
    for target in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(SystemExit, match="is there, and is no site that could be built anew"):
            docs.build_site(target)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
