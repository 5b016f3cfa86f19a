"""Changes to any HDF5 file: types, declared sizes, links, external storage, attributes, depth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns import hostile
from tests.campaigns.outcome import SECRET
from tests.campaigns.target import Rng, chance, few, pick

DEPTH = 3000
HUGE = ((10**9, 10**6, 10**3), (2**40, 8, 4), (50_000, 50_000, 10), (2**62,))


def change(rng: Rng, path: Path, most: int = 3) -> list[str]:
    """Make one to `most` changes to the file at `path`; says which."""
    said = []
    with h5py.File(path, "r+") as file:
        for _ in range(few(rng, most)):
            names = objects(file)
            if not names:
                break
            name, way = str(pick(rng, names)), str(pick(rng, WAYS))
            if way == "nested deep" and not chance(rng, 0.1):
                way = "another array"
            said.append(f"{name[:60]!a}: {way}{WAYS[way](rng, file, name) or ''}")
    return said


def objects(file: Any) -> list[str]:
    """Paths of all datasets, and of groups, of which there are fewer."""
    names: list[str] = []
    file.visit(names.append)
    return names


def _of_array(rng: Rng, file: Any, name: str) -> str:
    item = file.get(name)
    value = item[()] if _lies_in(file, item) else np.ones(3)
    how, changed = hostile.array(rng, value)
    attributes = {} if item is None else dict(item.attrs)
    _replace(file, name, storable(changed))
    for key, each in attributes.items():
        file[name].attrs[key] = each
    return f" ({how})"


def _lies_in(file: Any, item: Any) -> bool:
    """Whether there are values, and in this file: a change brings in none of another."""
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return False
    elsewhere = item.external or item.is_virtual or item.file.filename != file.filename
    return not elsewhere


def storable(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return array.astype(object).astype(h5py.string_dtype())
    return array.astype("i8") if array.dtype.kind in "mM" else array


def _replace(file: Any, name: str, value: Any) -> None:
    if name in file:
        del file[name]
    file.create_dataset(name, data=value)


def _dropped(rng: Rng, file: Any, name: str) -> None:
    del file[name]


def _renamed(rng: Rng, file: Any, name: str) -> None:
    file.move(name, hostile.name(rng).replace("\x00", "") or "x")


def _group(rng: Rng, file: Any, name: str) -> None:
    del file[name]
    file.create_group(name)


def _huge(rng: Rng, file: Any, name: str) -> str:
    """A declared size far beyond any memory, of which nothing is stored."""
    shape = pick(rng, HUGE)
    rank = getattr(file.get(name), "ndim", len(shape)) or 1
    shape = (*shape, 1, 1, 1)[:rank]
    del file[name]
    kind = pick(rng, ("f8", "i4", "u1"))
    file.create_dataset(name, shape=shape, dtype=kind, chunks=tuple(min(n, 64) for n in shape))
    return f" {shape}"


def _soft_cycle(rng: Rng, file: Any, name: str) -> None:
    del file[name]
    file[name] = h5py.SoftLink(f"/{name}")


def _long_cycle(rng: Rng, file: Any, name: str) -> None:
    del file[name]
    file[name] = h5py.SoftLink("/cycle_a")
    for one, other in (("cycle_a", "cycle_b"), ("cycle_b", "cycle_a")):
        if one not in file:
            file[one] = h5py.SoftLink(f"/{other}")


def _dangling(rng: Rng, file: Any, name: str) -> None:
    del file[name]
    file[name] = h5py.SoftLink("/nowhere/at/all")


def _to_itself(rng: Rng, file: Any, name: str) -> None:
    group = file[name] if isinstance(file[name], h5py.Group) else file[name].parent
    group["again"] = file["/"]


def _secret(file: Any, item: Any) -> tuple[Path, tuple[int, ...]]:
    """A file of `SECRET` beside the input, of the shape that belongs in the place of `item`."""
    shape = item.shape if isinstance(item, h5py.Dataset) and item.shape else (6, 8, 4)
    path = Path(file.filename).with_name("secret.h5")
    with h5py.File(path, "w") as other:
        other["data"] = np.full(shape, float(SECRET))
    np.full(shape, float(SECRET)).tofile(path.with_suffix(".raw"))
    return path, shape


def _external_link(rng: Rng, file: Any, name: str) -> None:
    path, _ = _secret(file, file.get(name))
    del file[name]
    file[name] = h5py.ExternalLink(pick(rng, (str(path), path.name)), "/data")


def _external_storage(rng: Rng, file: Any, name: str) -> None:
    path, shape = _secret(file, file.get(name))
    del file[name]
    raw = str(path.with_suffix(".raw"))
    file.create_dataset(name, shape=shape, dtype="f8", external=[(raw, 0, h5py.h5f.UNLIMITED)])


def _virtual(rng: Rng, file: Any, name: str) -> None:
    path, shape = _secret(file, file.get(name))
    layout = h5py.VirtualLayout(shape=shape, dtype="f8")
    layout[...] = h5py.VirtualSource(str(path), "data", shape=shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def _nothing(rng: Rng, file: Any, name: str) -> None:
    _replace(file, name, h5py.Empty("f8"))


def _reference(rng: Rng, file: Any, name: str) -> None:
    del file[name]
    file.create_dataset(name, shape=(3,), dtype=h5py.ref_dtype)


def _ragged(rng: Rng, file: Any, name: str) -> None:
    del file[name]
    rows = file.create_dataset(name, shape=(6,), dtype=h5py.vlen_dtype("i8"))
    rows[0] = np.arange(3)


def _broken_text(rng: Rng, file: Any, name: str) -> None:
    n = getattr(file.get(name), "shape", None) or (6,)
    _replace(file, name, np.full(n[:1], b"\xff\xfe\xc3", dtype="S3"))


def _filtered(rng: Rng, file: Any, name: str) -> None:
    """Chunks that a filter should have packed, and did not."""
    del file[name]
    made = file.create_dataset(name, shape=(6, 8, 4), dtype="f8", chunks=True, compression="gzip")
    made.id.write_direct_chunk((0, 0, 0), b"no gzip" * 9)


def _attribute(rng: Rng, file: Any, name: str) -> str:
    """An attribute of the file or of an object that holds something else, or is gone."""
    place = file[name] if chance(rng, 0.5) else file
    known = list(place.attrs)
    key = str(pick(rng, known)) if known else hostile.name(rng).replace("\x00", "") or "a"
    if known and chance(rng, 0.2):
        del place.attrs[key]
        return f" {key!a} dropped"
    how, value = hostile.array(rng, np.asarray(1.0))
    place.attrs[key] = h5py.Empty("f8") if chance(rng, 0.1) else storable(value)
    return f" {key[:40]!a}: {how}"


def _deep(rng: Rng, file: Any, name: str) -> None:
    file.create_group(
        name + "/deep" * DEPTH if isinstance(file[name], h5py.Group) else "/d" * DEPTH
    )


WAYS: dict[str, Callable[[Rng, Any, str], str | None]] = {
    "another array": _of_array,
    "another array again": _of_array,
    "one more other array": _of_array,
    "dropped": _dropped,
    "renamed": _renamed,
    "a group": _group,
    "declared size": _huge,
    "soft link to itself": _soft_cycle,
    "cycle of links": _long_cycle,
    "dangling link": _dangling,
    "holds its own root": _to_itself,
    "external link": _external_link,
    "external storage": _external_storage,
    "virtual": _virtual,
    "no data space": _nothing,
    "references to nothing": _reference,
    "rows of any length": _ragged,
    "no UTF-8": _broken_text,
    "chunks not packed": _filtered,
    "attribute": _attribute,
    "attribute again": _attribute,
    "nested deep": _deep,
}
