"""Who imports whom among the modules of a package, read from the source without running it.

An import in a function counts like any other, unless the function is a *lazy delegation*: all it
does is import and return (`TrialSet.from_npz` hands over to the reader of that format). Layers see
those too; circles do not.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Imported:
    """One name that a module imports: `from module import name`, or `import module` with None."""

    module: str
    name: str | None
    lazy: bool = False


@dataclass
class ImportGraph:
    """The modules below a package's folder.

    Attributes:
        package: its folder; modules are called from there: 'undertow.data.trialset'.
    """

    package: Path
    files: dict[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        self.files = {self._called(path): path for path in sorted(self.package.rglob("*.py"))}

    def _called(self, path: Path) -> str:
        parts = path.relative_to(self.package.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def imports(self) -> dict[str, list[Imported]]:
        """What each module imports of the package, from top to bottom."""
        return {module: self._read(module) for module in self.files}

    def _read(self, module: str) -> list[Imported]:
        tree = ast.parse(self.files[module].read_text(encoding="utf-8"))
        found = (each for node, lazy in _statements(tree) for each in self._of(module, node, lazy))
        return [each for each in found if each.module.split(".")[0] == self.package.name]

    def _of(self, module: str, node: ast.stmt, lazy: bool) -> Iterator[Imported]:
        if isinstance(node, ast.Import):
            yield from (Imported(alias.name, None, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = self._base(module, node.level)
            source = ".".join(part for part in (base, node.module) if part)
            yield from (Imported(source, alias.name, lazy) for alias in node.names)

    def _base(self, module: str, level: int) -> str:
        """Where a relative import starts; nothing for an absolute one."""
        if not level:
            return ""
        parts = module.split(".")
        inside = self.files[module].name == "__init__.py"
        return ".".join(parts[: len(parts) - level + inside])

    def home(self, importer: str, imported: Imported) -> str:
        """The module in which what is imported is found.

        A name that a package hands on is followed to the module that defines it, except from within
        that package: there it is the package itself that is imported, and a package imports its
        modules.
        """
        module, name = imported.module, imported.name
        if name is None or module not in self.files:
            return module
        if f"{module}.{name}" in self.files:
            return f"{module}.{name}"
        if f"{importer}.".startswith(f"{module}."):
            return module
        for handed_on in self.imports[module]:
            if handed_on.name == name:
                return self.home(module, handed_on)
        return module

    def edges(self) -> dict[str, set[str]]:
        """The modules each module needs, lazy delegations left out."""
        return {
            module: {
                self.home(module, each)
                for each in found
                if not each.lazy and each.name != "__version__"
            }
            & self.files.keys()
            for module, found in self.imports.items()
        }


def _statements(node: ast.AST, lazy: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Every import below `node`, and whether it stands in a lazy delegation."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, lazy
        else:
            delegates = isinstance(child, Function) and _only_delegates(child)
            yield from _statements(child, lazy or delegates)


def _only_delegates(function: Function) -> bool:
    """Whether a function does nothing but import and return; a docstring stands beside that."""
    described = ast.get_docstring(function) is not None
    *before, last = function.body[described:] or function.body
    return isinstance(last, ast.Return) and all(
        isinstance(each, ast.Import | ast.ImportFrom) for each in before
    )


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach each other, sorted: the strongly connected components of more
    than one module (Tarjan 1972), and modules that import themselves."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = lowest[module] = len(index)
        stack.append(module)
        for other in sorted(edges.get(module, ())):
            if other not in index:
                visit(other)
            if other in stack:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == index[module]:
            start = stack.index(module)
            group = sorted(stack[start:])
            del stack[start:]
            if len(group) > 1 or module in edges.get(module, ()):
                found.append(group)

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return sorted(found)
