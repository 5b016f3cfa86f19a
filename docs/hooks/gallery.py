"""The gallery: every script in examples/ is run as a notebook and becomes a page with its figures.

The scripts have Jupytext's percent format: `# %% [markdown]` starts a cell of text, `# %%` one of
code. Each page offers its script and the executed notebook. A notebook is run again when its
script or the library has changed; until then the one in .cache/gallery is used.
"""

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
FIRST = ("own_data", "lorenz")  # the rest follow by name
TIMEOUT_S = 300


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write the pages of the gallery into the navigation's entry 'Gallery'."""
    for entry in config.nav or []:
        if "Gallery" in entry:
            entry["Gallery"] = ["gallery/index.md", *(f"gallery/{e.stem}.md" for e in ordered())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add, for every example, its page, its figures, its script and its notebook."""
    cards = []
    for example in ordered():
        notebook = executed(example)
        figures = {f"{example.stem}-{n}.png": png for n, png in enumerate(pictures(notebook))}
        title, text = notebook.cells[0].source.split("\n", 1)
        links = f"*[Script]({example.name}) · [notebook]({example.stem}.ipynb)*"
        page = "\n\n".join([title, text, links, *body(notebook, iter(figures))])
        add(files, config, f"{example.stem}.md", page)
        add(files, config, example.name, example.read_text(encoding="utf-8"))
        add(files, config, f"{example.stem}.ipynb", nbformat.writes(notebook))
        for name, png in figures.items():
            add(files, config, name, png)
        cards.append(card(title, text, example.stem, list(figures)))
    add(files, config, "index.md", INDEX + "\n".join(cards) + "\n</div>\n")
    return files


INDEX = """# Gallery

Small examples on synthetic data. Each runs in about half a minute on one core, was run when this
site was built, and can be downloaded as a script or as a notebook.

<div class="grid cards" markdown>

"""


def ordered() -> list[Path]:
    """The examples: those of FIRST, then the others by name."""
    return sorted(EXAMPLES, key=lambda e: (*(e.stem != name for name in FIRST), e.stem))


def card(title: str, text: str, stem: str, figures: list[str]) -> str:
    """One entry of the index: title, last figure, first paragraph."""
    first = " ".join(text.strip().split("\n\n")[0].split())
    shown = f"    [![]({figures[-1]})]({stem}.md)\n\n" if figures else ""
    return f"-   **[{title.lstrip('# ')}]({stem}.md)**\n\n{shown}    {first}\n"


def executed(example: Path) -> nbformat.NotebookNode:
    """The example as a notebook with its outputs, from the cache where nothing has changed."""
    kept = ROOT / ".cache" / "gallery" / f"{example.stem}-{fingerprint(example)}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    notebook = jupytext.read(example, fmt="py:percent")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # models this small gain nothing from more
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # figures as outputs
    run_in = {"metadata": {"path": str(example.parent)}}
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        resources=run_in,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR", "--InlineBackend.figure_formats=retina"],
    )
    client.execute()
    notebook.metadata.kernelspec = {
        "name": "python3",
        "language": "python",
        "display_name": "Python 3",
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, kept)
    return notebook


def fingerprint(example: Path) -> str:
    """A hash of the script and of the whole library."""
    digest = hashlib.sha256(example.read_bytes())
    for source in sorted((ROOT / "src").rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def outputs(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """All outputs of all code cells, in order."""
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def pictures(notebook: nbformat.NotebookNode) -> list[bytes]:
    """The notebook's figures as PNG."""
    shown = [o.data["image/png"] for o in outputs(notebook) if "image/png" in o.get("data", {})]
    return [base64.b64decode(png) for png in shown]


def body(notebook: nbformat.NotebookNode, figures: Iterator[str]) -> Iterator[str]:
    """Markdown of the cells after the first, with the names of their figures."""
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            yield cell.source
            continue
        yield f"```python\n{cell.source}\n```"
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                width = output.metadata.get("image/png", {}).get("width")
                yield f"![figure]({next(figures)})" + (f'{{ width="{width}" }}' if width else "")
            elif output.get("name") == "stdout":
                yield f"```text\n{output.text.rstrip()}\n```"


def add(files: Files, config: MkDocsConfig, name: str, content: str | bytes) -> None:
    """A generated file of the gallery."""
    files.append(File.generated(config, f"gallery/{name}", content=content))
