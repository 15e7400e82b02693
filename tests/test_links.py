"""Links of the documentation: to files, to headings, inside the built site, and to other hosts."""

import importlib.util
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import ROOT

FOLDERS = ("docs", "notebooks", "saved_models", "deploy", "web")
PAGES = sorted(ROOT.glob("*.md")) + [
    page
    for folder in FOLDERS
    for page in sorted((ROOT / folder).rglob("*.md"))
    if not {"node_modules", "build", "dist"} & set(page.parts)
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
OTHERS = re.compile(r"https?://[^\s)\"'`<>\]]+")
OURS = ("127.0.0.1", "localhost", "0.0.0.0", ".example", "second:", "first:", "HOST")


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    """Names of a page's headings, as mkdocs and GitHub make them."""
    heads = re.findall(r"^#+ (.+)$", CODE.sub(lambda found: found[0].strip("`"), _text(page)), re.M)
    plain = [re.sub(r"[^\w\s-]", "", head.replace("`", "").lower()).strip() for head in heads]
    return {re.sub(r"\s", "-", head) for head in plain} | {
        re.sub(r"[\s-]+", "-", head) for head in plain
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", _text(page))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), link


class _Targets(HTMLParser):
    """Collects what a page links to and loads, and the names that links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.append(value)
            if value and (name == "id" or (tag == "a" and name == "name")):
                self.names.add(value)


@pytest.mark.slow
def test_links_of_the_built_site_lead_somewhere(tmp_path: Path) -> None:
    """Those too that mkdocs does not check: HTML's own, and files beside pages."""
    if not (importlib.util.find_spec("material") and importlib.util.find_spec("mkdocstrings")):
        pytest.skip("needs the extra [docs]")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "search" / "search_index.json").is_file()
    pages = {page: _Targets(_text(page)) for page in sorted(tmp_path.rglob("*.html"))}
    assert len(pages) > 40
    demo = (tmp_path / "live").is_dir()  # where the browser's side is built
    for page, targets in pages.items():
        if page.name == "404.html" or page.is_relative_to(tmp_path / "live"):
            continue  # the first's links begin at the host
        for link in targets.links:
            split = urlsplit(link)
            if split.scheme or split.netloc or (not demo and split.path.endswith("live/")):
                continue
            target = (page.parent / unquote(split.path)).resolve() if split.path else page
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{page}: {link}"
            if split.fragment and target in pages:
                assert unquote(split.fragment) in pages[target].names, f"{page}: {link}"


def _elsewhere() -> list[str]:
    found = {link.rstrip(".,;:") for page in PAGES for link in OTHERS.findall(_text(page))}
    return sorted(link for link in found if not any(part in link for part in OURS))


def test_there_are_links_elsewhere() -> None:
    assert len(_elsewhere()) > 20
    assert not [link for link in _elsewhere() if "127.0.0.1" in link]


def _reachable() -> bool:
    try:
        socket.create_connection(("github.com", 443), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.soak
def test_links_elsewhere_are_not_dead() -> None:
    """Where there is internet; a host that refuses robots says nothing of the page."""
    if not _reachable():
        pytest.skip("needs the internet")
    dead = []
    for link in _elsewhere():
        request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (links)"})
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                dead.append(f"{link}: {error.code}")
        except urllib.error.URLError as error:
            dead.append(f"{link}: {error.reason}")
    assert not dead, "\n".join(dead)
