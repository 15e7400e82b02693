"""Hooks of mkdocs.yml: files outside `docs/` that pages link to become pages and files of the site.

Cards and the npm package's README are pages; notebooks are pages made of their cells, and files.
The browser's demo is copied to live/ where `npm --prefix web run build` has built it.
"""

import json
import os.path
import re
import shutil
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PAGES = {  # file of the repository -> page of the site
    "saved_models/tfpose_s/card.md": "cards/tfpose_s.md",
    "saved_models/tfpose_person/card.md": "cards/tfpose_person.md",
    "saved_models/tfpose_detector/card.md": "cards/tfpose_detector.md",
    "web/README.md": "web_package.md",
    "notebooks/quick_start.ipynb": "notebooks/quick_start.md",
    "notebooks/train_your_own_skeleton.ipynb": "notebooks/train_your_own_skeleton.md",
    "notebooks/compare_models.ipynb": "notebooks/compare_models.md",
}
DEMO = "web/build/site"
LINK = re.compile(r"\]\(([^)#:\s]+\.(?:md|ipynb))(#[^)\s]*)?\)")
log = get_plugin_logger(__name__)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each file outside `docs/` that a page links to."""
    root = Path(config.docs_dir).parent
    for source, page in PAGES.items():
        text = (root / source).read_text("utf-8")
        if source.endswith(".ipynb"):
            files.append(File.generated(config, source, content=text))
            text = _cells(text, Path(source).name)
        files.append(File.generated(config, page, content=text))
    return files


def _cells(notebook: str, name: str) -> str:
    """A notebook as Markdown, with a line after its title that leads to the file."""
    parts = []
    for cell in json.loads(notebook)["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            shell = text.startswith("%%bash\n")
            language, text = ("bash", text[len("%%bash\n") :]) if shell else ("python", text)
            text = f"```{language}\n{text}\n```"
        parts.append(text)
    title, _, rest = parts[0].partition("\n")
    # The file lies beside this page's folder. mkdocs checks no link that is HTML already.
    return "\n\n".join([title, f'<a href="../{name}" download>{name}</a>', rest, *parts[1:]])


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


def on_post_build(config: MkDocsConfig) -> None:
    """Copies the demo, which the home page links to as live/."""
    demo = Path(config.docs_dir).parent / DEMO
    if demo.is_dir():
        shutil.copytree(demo, Path(config.site_dir, "live"), dirs_exist_ok=True)
    else:
        log.info("%s is not built: this site's live/ is missing", DEMO)
