"""`import undertow` and the command line's start stay light."""

import subprocess
import sys

import pytest

import undertow

HEAVY = ("torch", "matplotlib", "sklearn", "scipy.signal", "pynwb", "xarray", "pandas", "h5py")


def loaded_after(statement: str) -> set[str]:
    """The heavy modules in a fresh interpreter after `statement`."""
    code = f"import sys\n{statement}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import undertow", "import undertow.cli.app", "import undertow.data", "import undertow.nlb"],
)
def test_heavy_modules_stay_unimported(statement: str) -> None:
    assert loaded_after(statement) == set()


def test_every_public_name_loads_and_is_listed() -> None:
    assert not [name for name in undertow.__all__ if getattr(undertow, name, None) is None]
    assert not set(undertow.__all__) - set(dir(undertow))


def test_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert undertow.__version__ == version("undertow")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="LangevinFlo"):
        undertow.LangevinFlo  # noqa: B018
