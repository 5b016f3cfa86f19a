"""The shape of the source: layers, circles, file size, docstrings, and what the project never does.

Each rule is one assertion that lists every offender.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import undertow
from tests.import_graph import ImportGraph, circles

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "undertow"
LAYERS = [
    "errors",
    "names",
    "checks",
    "memory",
    "files",
    "locks",
    "places",
    "streams",
    "schema",
    "options",
    "randomness",
    "composed",
    "data",
    "systems",
    "datasets",
    "flat",
    "dynamics",
    "encoders",
    "decoders",
    "observations",
    "inference",
    "evaluation",
    "training",
    "models",
    "baselines",
    "analysis",
    "plots",
    "report",
    "experiments",
    "nlb",
    "live",
    "cli",
    "__main__",
]
"""Lowest first: a file imports only from its own or an earlier one."""
MAX_LINES, MAX_WIDTH = 300, 100
SMALL_LINES, MAX_SMALL_SHARE = 50, 0.12
"""Few files are below 50 lines: a concept is not cut to fit."""
GRAPH = ImportGraph(SOURCE)
TEXTS = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for part in ("src", "tests", "benchmarks", "examples")
    for file in sorted((ROOT / part).rglob("*.py"))
}
SOURCE_TEXTS = {name: text for name, text in TEXTS.items() if name.startswith("src/")}
FORBIDDEN = {
    "pickle": r"^\s*(?:import|from)\s+(?:c?pickle|dill|joblib|cloudpickle)\b",
    "torch.load": r"\btorch\.load\(",
    "allow_pickle=True": r"allow_pickle\s*=\s*True",
    "eval or exec": r"(?<![\w.])(?:eval|exec)\(",
    "global randomness": r"\b(?:np|numpy)\.random\."
    r"(?!default_rng|Generator|SeedSequence|PCG64|RandomState)\w+\("
    r"|^\s*import random\b",
}


def layer_of(module: str) -> int:
    """The position of `undertow.<layer>…` in LAYERS."""
    return LAYERS.index(module.split(".")[1])


def test_every_part_of_the_package_is_a_layer() -> None:
    parts = {module.split(".")[1] for module in GRAPH.files if "." in module}
    assert not parts - set(LAYERS), "add these to DESIGN and to LAYERS here"


def test_imports_point_to_the_same_or_an_earlier_layer() -> None:
    """Those in functions and under TYPE_CHECKING too."""
    late = [
        f"{module} imports {target}"
        for module, found in GRAPH.imports.items()
        for target in (GRAPH.home(module, each) for each in found if each.name != "__version__")
        if "." in module and ("." not in target or layer_of(target) > layer_of(module))
    ]
    assert not late


def test_no_imports_go_in_a_circle() -> None:
    """Within packages too; a function counts unless all it does is import and return."""
    found = [" ↔ ".join(circle) for circle in circles(GRAPH.edges())]
    assert not found, "\n".join([f"{len(found)} circles of imports:", *found])


def write_package(folder: Path, modules: dict[str, str]) -> ImportGraph:
    """A package `house` of these modules, by their paths without '.py'."""
    for name, text in {"__init__": "", **modules}.items():
        path = folder / "house" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return ImportGraph(folder / "house")


def test_circles_are_found_wherever_the_import_stands(tmp_path: Path) -> None:
    closing = {
        "top": "from house.b import y",
        "typing": "if TYPE_CHECKING:\n    from .b import y",
        "function": "def f():\n    from house import b\n    if b: return 1\n    return 2",
        "method": "class A:\n    def f(self):\n        import house.b\n        print(1)",
    }
    others = {"b": "from house.a import x", "c": "import house.a"}
    for name, text in closing.items():
        graph = write_package(tmp_path / name, {"a": text, **others})
        assert circles(graph.edges()) == [["house.a", "house.b"]], name


def test_a_function_that_only_imports_and_returns_closes_no_circle(tmp_path: Path) -> None:
    lazy = 'def f(path):\n    """Read."""\n    from house.b import y\n\n    return y(path)'
    graph = write_package(tmp_path, {"a": lazy, "b": "from house.a import x"})
    assert circles(graph.edges()) == []
    assert [each.module for each in graph.imports["house.a"]] == ["house.b"]


def test_a_name_is_followed_to_the_module_that_defines_it(tmp_path: Path) -> None:
    package = {"p/__init__": "from house.p.a import x\nfrom house.p.b import y", "p/b": "y = 1"}
    outside = {"p/a": "x = 1", "q": "from house.p import x, y"}
    edges = write_package(tmp_path / "outside", {**package, **outside}).edges()
    assert edges["house.q"] == {"house.p.a", "house.p.b"}
    inside = write_package(tmp_path / "inside", {**package, "p/a": "from house.p import y"})
    assert circles(inside.edges()) == [["house.p", "house.p.a"]]


def test_files_stay_short() -> None:
    lengths = {name: len(text.splitlines()) for name, text in TEXTS.items()}
    assert not {name: n for name, n in lengths.items() if n > MAX_LINES}


def test_lines_stay_short() -> None:
    """What tools read at a line's end (`# type: ignore[…]`) does not count."""
    assert not [
        f"{name}:{number}"
        for name, text in TEXTS.items()
        for number, line in enumerate(text.splitlines(), 1)
        if len(re.sub(r"  # (type|noqa).*", "", line)) > MAX_WIDTH
    ]


def test_few_files_are_small() -> None:
    lengths = {
        name: len(text.splitlines())
        for name, text in SOURCE_TEXTS.items()
        if not name.endswith("__init__.py")
    }
    small = {name: n for name, n in lengths.items() if n < SMALL_LINES}
    share = len(small) / len(lengths)
    assert share <= MAX_SMALL_SHARE, f"{share:.0%} of the files are small: {small}"


def test_modules_have_a_docstring() -> None:
    assert not [
        name for name, text in SOURCE_TEXTS.items() if not ast.get_docstring(ast.parse(text))
    ]


def test_what_the_source_never_uses() -> None:
    found = [
        f"{name}: {hit.group().strip()} ({what})"
        for what, pattern in FORBIDDEN.items()
        for name, text in SOURCE_TEXTS.items()
        for hit in re.finditer(pattern, text, re.MULTILINE)
    ]
    assert not found


def seeding_lines(tree: ast.AST, forked: bool = False) -> Iterator[int]:
    """Lines that seed torch's global generator outside `fork_rng`, which would restore it."""
    for node in ast.iter_child_nodes(tree):
        inside = forked or (
            isinstance(node, ast.With) and "fork_rng" in "".join(map(ast.unparse, node.items))
        )
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "torch.manual_seed"
            and not inside
        ):
            yield node.lineno
        yield from seeding_lines(node, inside)


def test_the_global_generator_is_never_left_seeded() -> None:
    assert not [
        f"{name}:{line}"
        for name, text in SOURCE_TEXTS.items()
        for line in seeding_lines(ast.parse(text))
    ]


def packages() -> list[ModuleType]:
    names = [m.name for m in pkgutil.iter_modules([str(SOURCE)]) if m.ispkg]
    return [importlib.import_module(f"undertow.{name}") for name in names if name != "cli"]


def test_public_names_exist_and_are_documented() -> None:
    public = {
        f"{package.__name__}.{name}": getattr(package, name, None)
        for package in (undertow, *packages())
        for name in package.__all__
    }
    assert not [name for name, each in public.items() if each is None], "these do not exist"
    described = {n: e for n, e in public.items() if inspect.isclass(e) or inspect.isfunction(e)}
    assert not [name for name, each in described.items() if not inspect.getdoc(each)]
