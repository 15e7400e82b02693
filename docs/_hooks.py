"""Hooks of mkdocs.yml: links that leave `docs/` lead to pages here, made of the files they name."""

import os.path
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PAGES = {  # file of the repository -> page of the site
    "saved_models/tfpose_s/card.md": "cards/tfpose_s.md",
    "saved_models/tfpose_person/card.md": "cards/tfpose_person.md",
    "web/README.md": "web_package.md",
}
LINK = re.compile(r"\]\(([^)#:\s]+\.md)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each file outside `docs/` that a page links to."""
    root = Path(config.docs_dir).parent
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(root / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links between files of the repository into links between pages of the site."""
    places = {target: source for source, target in PAGES.items()}
    here = page.file.src_uri
    source = places.get(here, f"docs/{here}")

    def linked(found: re.Match[str]) -> str:
        target = os.path.normpath(os.path.join(os.path.dirname(source), found[1]))
        target = PAGES.get(target, target.removeprefix("docs/"))
        return f"]({os.path.relpath(target, os.path.dirname(here) or '.')}{found[2] or ''})"

    return LINK.sub(linked, markdown)
