"""Hooks of mkdocs.yml: links that leave `docs/` lead to pages here, made of the files they name."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = {  # link on a page -> page of the site
    "../saved_models/tfpose_s/card.md": "cards/tfpose_s.md",
    "../web/README.md": "web_package.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each file outside `docs/` that a page links to."""
    for link, page in OUTSIDE.items():
        source = Path(config.docs_dir, link)
        files.append(File.generated(config, page, content=source.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points such links at those pages."""
    for link, target in OUTSIDE.items():
        markdown = markdown.replace(f"]({link})", f"]({target})")
    return markdown
