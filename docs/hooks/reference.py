"""The API reference: one page per package, with what its `__all__` names.

Nothing is listed by hand: a new public name has its entry as soon as its package exports it.
"""

import importlib
import inspect
import pkgutil
from types import ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import undertow


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write the pages of the reference into the navigation's entry 'API reference'."""
    for entry in config.nav or []:
        if "API reference" in entry:
            pages = [{p.__name__.split(".")[-1]: address(p)} for p in packages()]
            entry["API reference"] = ["api/index.md", *pages]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the overview and a page for every package."""
    seen: dict[int, str] = {}
    for package in packages():
        files.append(File.generated(config, address(package), content=page(package, seen)))
    files.append(File.generated(config, "api/index.md", content=overview()))
    return files


def packages() -> list[ModuleType]:
    """The packages of the library that export something, by name."""
    found = sorted(m.name for m in pkgutil.iter_modules(undertow.__path__) if m.ispkg)
    loaded = [importlib.import_module(f"undertow.{name}") for name in found]
    return [package for package in loaded if getattr(package, "__all__", ())]


def address(package: ModuleType) -> str:
    """Where a package's page stands in the site."""
    return f"api/{package.__name__.split('.')[-1]}.md"


def page(package: ModuleType, seen: dict[int, str]) -> str:
    """An entry for every public name; one that another package has shown before is only linked."""
    entries = [f"# `{package.__name__}`", inspect.getdoc(package) or ""]
    for name in package.__all__:
        path = f"{package.__name__}.{name}"
        first = seen.setdefault(id(getattr(package, name)), path)
        again = f"## `{name}`\n\nThe same as [`{first}`][{first}]."
        entries.append(directive(path, getattr(package, name)) if first == path else again)
    return "\n\n".join(entries) + "\n"


def directive(path: str, public: object) -> str:
    """What mkdocstrings draws an entry from; a model shows what it inherits too."""
    whole = inspect.isclass(public) and issubclass(public, undertow.Estimator)
    options = "\n    options:\n      inherited_members: true"
    return f"::: {path}" + (options if whole else "")


def overview() -> str:
    """What `import undertow` gives at once, and a line for every package."""
    names = [f"- {entry(name)}" for name in undertow.__all__ if not name.startswith("__")]
    rows = [f"| [`{p.__name__}`]({address(p)[4:]}) | {first_sentence(p)} |" for p in packages()]
    table = "\n".join(["| package | what |", "|---|---|", *rows])
    return "# API reference\n\nNames at the top, as in `import undertow as ut`:\n\n" + (
        "\n".join(names) + f"\n\nand in the packages:\n\n{table}\n"
    )


def entry(name: str) -> str:
    """A name of the top, with a link to its package's page and its first sentence."""
    public = getattr(undertow, name)
    if public in packages():
        return f"[`ut.{name}`]({name}.md): {first_sentence(public)}"
    home = next((p for p in packages() if getattr(p, name, None) is public), None)
    link = f"[`ut.{name}`][{home.__name__}.{name}]" if home else f"`ut.{name}`"
    return f"{link}: {first_sentence(public)}"


def first_sentence(public: object) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(public) or "").split("\n\n")[0].split())
