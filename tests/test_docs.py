"""The pages of the site: each is in the navigation, every link leads somewhere, and no other host
is needed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS, SOURCE = ROOT / "docs", ROOT / "src" / "undertow"
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
HOOKS = DOCS / "hooks"
GUIDES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*)#?([^)\s]*)\)")


def constant(hook: str, name: str) -> Any:
    """A constant of a hook, which itself needs the tools of the site to be imported."""
    for node in ast.parse((HOOKS / hook).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{hook} has no {name}")


def listed_pages() -> set[str]:
    """The pages that the navigation names."""
    navigation = SITE.split("\nnav:\n")[1].split("\ntheme:\n")[0]
    return set(re.findall(r"[\w/-]+\.md", re.sub(r"#.*", "", navigation)))


def text_of(path: Path) -> str:
    """Markdown of a page, or of the text cells of an example."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^# ?", "", text, flags=re.MULTILINE) if path.suffix == ".py" else text


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as sites and repositories make them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w -]", "", heading).strip().lower() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def broken_links(path: Path) -> Iterator[str]:
    """Links to a file that is not there, or to a heading that its page does not have."""
    for target, anchor in LINK.findall(re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)):
        found = path.parent / target if target else path
        if not found.exists():
            yield target
        elif anchor and found.suffix == ".md" and anchor not in anchors(found):
            yield f"{target}#{anchor}"


def test_every_page_is_in_the_navigation_and_no_other() -> None:
    written = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    made = set(constant("pages.py", "TOP").values()) | {"gallery/index.md", "api/index.md"}
    assert written <= listed_pages()
    assert listed_pages() <= written | made


def test_links_lead_somewhere() -> None:
    broken = {path.name: list(broken_links(path)) for path in (*GUIDES, *EXAMPLES)}
    assert not {name: links for name, links in broken.items() if links}


def test_files_that_are_named_are_there() -> None:
    named = re.compile(r"`((?:tests|benchmarks|examples|docs)/[\w/.-]+\.(?:py|md))`")
    missing = {
        path.name: [file for file in named.findall(text_of(path)) if not (ROOT / file).exists()]
        for path in GUIDES
    }
    assert not {name: files for name, files in missing.items() if files}


def test_the_readme_leads_to_every_part_of_the_site() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    parts = ("getting-started.md", "glossary.md", "research/index.md", "write-your-own-model.md")
    assert all(f"(docs/{part})" in readme for part in parts)


def test_examples_have_text_and_code_in_cells() -> None:
    for example in EXAMPLES:
        cells = re.split(r"^# %%", example.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert cells[0] == "", f"{example.name} does not start with a cell"
        assert cells[1].startswith(" [markdown]\n# # "), f"{example.name} has no title"
        assert len(cells) > 3, f"{example.name} has no cells"
    assert set(constant("gallery.py", "FIRST")) <= {example.stem for example in EXAMPLES}


def test_the_site_loads_nothing_from_other_hosts() -> None:
    assert "font: false" in SITE
    for file in (ROOT / "mkdocs.yml", *DOCS.rglob("*.css"), *DOCS.rglob("*.js")):
        assert not re.search(r"https?://|//\w+\.", file.read_text(encoding="utf-8")), file.name


def test_figures_and_styles_are_used() -> None:
    pages = "".join(text_of(path) for path in GUIDES)
    unused = [image.name for image in (DOCS / "images").iterdir() if image.name not in pages]
    assert not unused


def test_no_page_holds_what_a_merge_left() -> None:
    left = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
    assert not [page.name for page in GUIDES if left.search(page.read_text(encoding="utf-8"))]


def test_exported_constants_have_an_assignment_of_their_own() -> None:
    """The reference is read out of the source, where names in a tuple are not found."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in SOURCE.rglob("*.py")]
    assigned = [node for tree in trees for node in tree.body if isinstance(node, ast.Assign)]
    exported = {
        name
        for node in assigned
        if ast.unparse(node.targets[0]) == "__all__"
        for name in re.findall(r"'(\w+)'", ast.unparse(node.value))
    }
    together = [node.targets[0] for node in assigned if isinstance(node.targets[0], ast.Tuple)]
    assert "MASKS" in exported
    assert together
    assert not exported & {ast.unparse(each) for target in together for each in target.elts}
