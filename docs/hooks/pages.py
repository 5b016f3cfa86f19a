"""Pages of the repository's top in the site, and links that lead from file to file in both.

README.md is the site's first page. In the repository a link leads to a file beside it
(`../examples/lorenz.py`); in the site, to that file's page (`../gallery/lorenz.md`).
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
TOP = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CITATION.cff": "CITATION.cff",
    "LICENSE": "LICENSE.txt",
}
LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's top."""
    for name, address in TOP.items():
        content = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, address, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    address = page.file.src_uri
    folder = posixpath.dirname(source_of(address))

    def linked(match: re.Match[str]) -> str:
        if folder == "examples" and not match[2].startswith("../"):
            return match[0]  # the page's own figures, script and notebook
        target = page_of(posixpath.normpath(posixpath.join(folder, match[2])))
        return match[1] + posixpath.relpath(target, posixpath.dirname(address) or ".")

    return markdown if generated(address) else LINK.sub(linked, markdown)


def generated(address: str) -> bool:
    """Whether a page's links are made for the site."""
    return address.startswith("api/")


def source_of(address: str) -> str:
    """The file of the repository that a page was made from."""
    if address.startswith("gallery/"):
        return f"examples/{posixpath.basename(address)}"
    return {page: name for name, page in TOP.items()}.get(address, f"docs/{address}")


def page_of(path: str) -> str:
    """The page, or file, of the site for a file of the repository."""
    folder, name = posixpath.split(path)
    if folder == "examples":
        return f"gallery/{name.replace('.py', '.md')}"
    if path == "examples":
        return "gallery/index.md"
    return TOP.get(path, path.removeprefix("docs/"))
