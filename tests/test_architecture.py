"""The shape of the source: layers, file size, docstrings, and what the project never does."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import undertow

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "undertow"
LAYERS = [
    *(
        "errors",
        "names",
        "checks",
        "files",
        "options",
        "randomness",
        "data",
        "systems",
        "dynamics",
        "encoders",
        "decoders",
        "observations",
        "inference",
    ),
    *(
        "evaluation",
        "training",
        "models",
        "baselines",
        "analysis",
        "plots",
        "report",
        "experiments",
        "tuning",
        "cli",
    ),
]
MAX_LINES = 300
SOURCE_FILES = sorted(SOURCE.rglob("*.py"))
ALL_FILES = sorted(
    file
    for part in ("src", "tests", "benchmarks", "examples")
    for file in (ROOT / part).rglob("*.py")
)
FORBIDDEN = {
    "pickle": r"^\s*(?:import|from)\s+(?:c?pickle|dill|joblib|cloudpickle)\b",
    "torch.load": r"\btorch\.load\(",
    "allow_pickle=True": r"allow_pickle\s*=\s*True",
    "eval or exec": r"(?<![\w.])(?:eval|exec)\(",
    "global randomness": r"\b(?:np|numpy)\.random\."
    r"(?!default_rng|Generator|SeedSequence|PCG64|RandomState)\w+\("
    r"|^\s*import random\b",
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer_of(module: str) -> int | None:
    """The position of `undertow.<layer>…` in LAYERS; None for the package itself."""
    parts = module.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 else None


def imported_modules(path: Path) -> Iterator[str]:
    """Every undertow module a file imports, in functions and under TYPE_CHECKING too."""
    package = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                alias.name for alias in node.names if alias.name.split(".")[0] == "undertow"
            )
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: -node.level + 1 or None]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            if module == "undertow":
                yield from (
                    f"undertow.{alias.name}" for alias in node.names if alias.name != "__version__"
                )
            elif module.startswith("undertow."):
                yield module


@pytest.mark.parametrize("path", SOURCE_FILES, ids=named)
def test_imports_point_to_the_same_or_an_earlier_layer(path: Path) -> None:
    own = path.relative_to(SOURCE).with_suffix("").parts[0]
    if own == "__init__":
        return
    assert own in LAYERS, f"{own} is not a layer: add it to DESIGN and to LAYERS here"
    late = [m for m in imported_modules(path) if (layer_of(m) or 0) > LAYERS.index(own)]
    assert not late, f"{named(path)} imports from a later layer: {late}"


@pytest.mark.parametrize("path", ALL_FILES, ids=named)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCE_FILES, ids=named)
def test_modules_have_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_source_never_uses(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [
        f"{named(path)}: {hit.group().strip()}"
        for path in SOURCE_FILES
        for hit in pattern.finditer(path.read_text(encoding="utf-8"))
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


@pytest.mark.parametrize("path", SOURCE_FILES, ids=named)
def test_the_global_generator_is_never_left_seeded(path: Path) -> None:
    assert not list(seeding_lines(ast.parse(path.read_text(encoding="utf-8"))))


def packages() -> list[ModuleType]:
    names = [m.name for m in pkgutil.iter_modules([str(SOURCE)]) if m.ispkg]
    return [importlib.import_module(f"undertow.{name}") for name in names if name != "cli"]


@pytest.mark.parametrize("package", [undertow, *packages()], ids=lambda p: p.__name__)
def test_public_names_exist_and_are_documented(package: ModuleType) -> None:
    for name in package.__all__:
        public = getattr(package, name)
        if inspect.isclass(public) or inspect.isfunction(public):
            assert inspect.getdoc(public), f"{package.__name__}.{name} has no docstring"
