"""What a result was made with: versions and machine."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("undertow", "torch", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Package name → installed version, with Python's and the platform's beside them."""
    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
