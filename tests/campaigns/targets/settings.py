"""Settings: config files, `--set` texts, rules over trials and units, and settings in a fit."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import bytewise, deep, hostile
from tests.campaigns.target import Made, Rng, Target, chance, few, pick
from tests.campaigns.targets import reading, trained

PLAN: dict[str, Any] = {
    "out": "somewhere",
    "model": "langevin-flow",
    "dynamics": "coupled-oscillators",
    "heldout": 2,
    "folds": 3,
    "seed": 1,
    "split_seed": 2,
    "preset": "paper",
    "ensemble": 2,
    "bin_ms": 20,
    "align": "go",
    "window": "-0.1,0.4",
    "units": "region==A",
    "trials": "rt<1",
    "condition": "target",
    "min_rate": 0.5,
    "forward_bins": 2,
    "dims": "trial,time,neuron",
}
TEXTS = (
    "1e30",
    "-1",
    "0",
    "nan",
    "NaN",
    "inf",
    "1e-300",
    "1e300",
    "1e9",
    "1099511627776",
    "18446744073709551616",
    "true",
    "none",
    "",
    "[]",
    "[1, 2]",
    "{}",
    '{"a": 1}',
    "ten",
    '"',
    "[1,",
    "0x10",
    "1_000",
    "½",
    "$1_$2",
    "\x1b[2J",
    "a\x00b",
    "meta",
    "mps",
    "cuda:99",
    "line\nbreak",
    "💥" * 3000,
)


@cache
def held(model: str) -> dict[str, Any]:
    """Every setting of a model with its value, by dotted key."""
    settings = trained.tiny(model).get_params(deep=True)
    parts = {name.partition("__")[0] for name in settings if "__" in name}
    return {k.replace("__", "."): v for k, v in settings.items() if k not in parts}


def keys(model: str) -> tuple[str, ...]:
    """The names of `held`."""
    return tuple(held(model))


def make_toml(rng: Rng, folder: Path) -> Made:
    """A config file."""
    path, said = folder / "fit.toml", []
    model = str(pick(rng, trained.TINY))
    plan = {**PLAN, "model": model}
    plan |= {"dynamics": None} if model != "latent-sde" else {"preset": None}
    chosen = {k: v for k, v in plan.items() if v is not None and chance(rng, 0.3)}
    lines = [_line(rng, key, value, said) for key, value in ({"model": model} | chosen).items()]
    lines += [
        "",
        str(
            pick(rng, ("[set]", "[set]", "[set]", "[set]", "[set]", "[sets]", "[[set]]", "set = 3"))
        ),
    ]
    for _ in range(int(rng.integers(0, 4))):
        key = str(pick(rng, keys(model)))
        lines.append(_line(rng, key, _value(rng, held(model)[key]), said))
    text = "\n".join(lines) + "\n"
    if chance(rng, 0.1):
        text = deep.nested("a = [" if chance(rng, 0.5) else "[") + text
        said.append("nested deep")
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    if chance(rng, 0.12):
        said.append(bytewise.damage(rng, path))
    return Made(path, said or ["valid"])


def _line(rng: Rng, key: str, value: Any, said: list[str]) -> str:
    if chance(rng, 0.12):
        text = _toml_value(rng)
        said.append(f"{key} = {text[:30]!a}")
        return f"{key} = {text}"
    if chance(rng, 0.05):
        key = hostile.name(rng).replace("\n", "") or "x"
        said.append(f"key {key[:20]!a}")
        return f'"{key}" = 1'
    return f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    """A Python value as TOML has it."""
    if value is None or isinstance(value, dict):
        return '"none"'
    return repr(value).lower() if isinstance(value, bool | float) else json.dumps(value)


def _toml_value(rng: Rng) -> str:
    known = ("nan", "inf", "-1", "[]", "{}", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z")
    other = ("true", '""', "'''\nab\n'''", '"\\u001b[2J"', "[1, [2]]", "{a = {b = 1}}", "1e400")
    long = (deep.long_number(rng), deep.nested(), "0x" + "f" * 4000)
    return str(pick(rng, (*known, *other, *long, *(f'"{t}"' for t in TEXTS[:16]))))


def use_toml(made: Made) -> Any:
    """What `fit --config` does before it reads data."""
    from undertow.cli.plan import Plan

    plan = Plan.resolve({}, [], made.path)
    plan.build_model()
    plan.reading.options()


def make_set(rng: Rng, folder: Path) -> Made:
    """`--set` texts, and options beside them."""
    model = str(pick(rng, trained.TINY))
    texts = []
    for _ in range(few(rng, 3)):
        key = str(pick(rng, keys(model)))
        text = _text(rng) if chance(rng, 0.5) else str(_value(rng, held(model)[key]))
        key = key if chance(rng, 0.9) else hostile.name(rng)
        texts.append(f"{key}={text}" if chance(rng, 0.95) else text)
    given: dict[str, Any] = {"model": model}
    numbers = (-1, 0, 2**64, 10**30, 2)
    for key in ("seed", "split_seed", "heldout", "folds", "ensemble"):
        if chance(rng, 0.1):
            given[key] = pick(rng, numbers)
    if chance(rng, 0.15):
        given["dynamics"] = str(pick(rng, ("neural-sde", "lstm", "wong-wang", "none such")))
    said = [f"--set {text[:50]!a}" for text in texts] + [f"{k}={v}" for k, v in given.items()]
    return Made(folder / "settings", said, {"settings": texts, "given": given})


def _text(rng: Rng) -> str:
    if chance(rng, 0.12):
        return str(pick(rng, (deep.long_number(rng), deep.nested(), deep.json_value(rng))))
    return str(pick(rng, TEXTS))


def use_set(made: Made) -> Any:
    """What `fit --set …` does before it reads data."""
    from undertow.cli.plan import Plan

    Plan.resolve(made.options["given"], made.options["settings"]).build_model()


COLUMNS = ("outcome", "rt", "go_time", "start_time", "no such", "", "$_", "region")
SIGNS = ("==", "!=", "<", ">", "<=", ">=", "=", "in", "<>", " ", "is", "&", ":=")
WORDS = (" and ", " or ", " not ", " & ", "(", ")", ";", ", ", "\n", " if ", "**", "[", ".")
PIECES = ("__import__('os')", "().__class__", "lambda: 1", "9" * 5000, "'", '"', "\\", "0.5", "hit")


def make_rule(rng: Rng, folder: Path) -> Made:
    """A rule over trials or units."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        wild = chance(rng, 0.5)
        left = str(pick(rng, COLUMNS if wild else COLUMNS[:4]))
        sign, right = str(pick(rng, SIGNS if wild else SIGNS[:6])), pick(rng, PIECES)
        right = right if wild else {"outcome": "hit"}.get(left, "0.4")
        parts += [f"{left}{sign}{right}", str(pick(rng, WORDS if wild else WORDS[:2]))]
    rule = "".join(parts if chance(rng, 0.1) else parts[:-1])
    if chance(rng, 0.03):
        rule = str(
            pick(rng, ("(" * 3000 + "rt<1" + ")" * 3000, "not " * 3000 + "rt<1", "-" * 9000))
        )
    return Made(folder / "rule", [rule[:60]], {"rule": rule, "of": pick(rng, ("units", "trials"))})


def use_rule(made: Made) -> Any:
    """Select by it."""
    from undertow.data import Recording

    rng = np.random.default_rng(0)
    recording = Recording(
        spike_times=reading.spike_times(rng),
        units={"region": np.array(["A", "B", "A", "C"]), "rt": np.arange(4.0)},
        trials=reading.trial_table(),
    )
    if made.options["of"] == "units":
        return recording.select_units(made.options["rule"])
    return recording.bin(align="go_time", window_s=(-0.1, 0.3), trials=made.options["rule"])


WHOLE = (0, 1, 2, 3, 5, 7, 64, -1, 10**4, 10**9, 2**40, 2**63, 2**64)
REAL = (0.0, 1e-300, 1e-9, 1e-3, 0.3, 0.5, 0.999, 1.0, 2.0, 100.0, 1e6, 1e15, 1e30, 1e300, -1.0)
SLOW = ("epochs", "device", "checkpoint_seconds")


def make_fit(rng: Rng, folder: Path) -> Made:
    """Settings that may reach a fit, as Python values."""
    model = str(pick(rng, ("langevin-flow", "latent-sde", "smoothing")))
    known = [key for key in keys(model) if key.rpartition(".")[2] not in SLOW]
    chosen = [str(pick(rng, known)) for _ in range(few(rng, 2))]
    changed = {key: _value(rng, held(model)[key]) for key in chosen}
    said = [f"{key}={str(value)[:30]!a}" for key, value in changed.items()]
    return Made(folder / "fit", [model, *said], {"model": model, "changed": changed})


def _value(rng: Rng, default: Any) -> Any:
    """A value of the kind that stands there, at or past its bounds; seldom another kind."""
    kinds = {bool: (True, False), int: WHOLE, float: (*REAL, 1, 2)}
    return pick(rng, hostile.SCALARS if chance(rng, 0.12) else kinds.get(type(default), WHOLE))


def use_fit(made: Made) -> Any:
    """A fit of one epoch on a tiny set, and a prediction."""
    from undertow.cli.configuring import configure
    from undertow.models.loading import model_class

    model = made.options["model"]
    settings = {**trained.TINY[model], **made.options["changed"]}
    trials = trained.recording()
    fitted = configure(model_class(model)(), settings).fit(trials[:8], trials[8:10])
    fitted.predict(trials[10:], samples=None if model == "smoothing" else 2)


TOML = Target("toml", make_toml, use_toml)
SET = Target("set texts", make_set, use_set, 1.5)
RULES = Target("rules", make_rule, use_rule, 0.8)
FITS = Target("settings in a fit", make_fit, use_fit, 0.5)
