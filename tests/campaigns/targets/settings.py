"""Settings: config files, `--set` texts, rules over trials and units, and settings in a fit."""

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
def keys(model: str) -> tuple[str, ...]:
    """Every setting of a model, by dotted key."""
    return tuple(name.replace("__", ".") for name in trained.tiny(model).get_params(deep=True))


def make_toml(rng: Rng, folder: Path) -> Made:
    """A config file."""
    path, said = folder / "fit.toml", []
    chosen = {key: value for key, value in PLAN.items() if chance(rng, 0.3)}
    model = str(pick(rng, trained.TINY))
    lines = [_line(rng, key, value, said) for key, value in chosen.items()]
    lines += [_line(rng, "model", model, said)] if "model" not in chosen else []
    lines += [
        "",
        str(
            pick(rng, ("[set]", "[set]", "[set]", "[set]", "[set]", "[sets]", "[[set]]", "set = 3"))
        ),
    ]
    for _ in range(int(rng.integers(0, 4))):
        lines.append(_line(rng, str(pick(rng, keys(model))), 2, said))
    text = "\n".join(lines) + "\n"
    if chance(rng, 0.1):
        text = deep.nested("a = [" if chance(rng, 0.5) else "[") + text
        said.append("nested deep")
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    if chance(rng, 0.2) or not said:
        said.append(bytewise.damage(rng, path))
    return Made(path, said)


def _line(rng: Rng, key: str, value: Any, said: list[str]) -> str:
    if chance(rng, 0.12):
        text = _toml_value(rng)
        said.append(f"{key} = {text[:30]!a}")
        return f"{key} = {text}"
    if chance(rng, 0.05):
        key = hostile.name(rng).replace("\n", "") or "x"
        said.append(f"key {key[:20]!a}")
        return f'"{key}" = 1'
    return f"{key} = {value!r}"


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
        key = str(pick(rng, keys(model))) if chance(rng, 0.85) else hostile.name(rng)
        texts.append(f"{key}={_text(rng)}" if chance(rng, 0.95) else _text(rng))
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
        left, sign = str(pick(rng, COLUMNS)), str(pick(rng, SIGNS))
        parts.append(f"{left}{sign}{pick(rng, PIECES)}")
        parts.append(str(pick(rng, WORDS)))
    rule = "".join(parts if chance(rng, 0.2) else parts[:-1])
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


SLOW = ("epochs", "device", "checkpoint_seconds")


def make_fit(rng: Rng, folder: Path) -> Made:
    """Settings that may reach a fit, as Python values."""
    model = str(pick(rng, ("langevin-flow", "latent-sde", "smoothing")))
    known = [key for key in keys(model) if key.rpartition(".")[2] not in SLOW]
    values = (*hostile.SCALARS, 1e9, 2**40, 1, 2, 3, 7, 1e-9, 1e6, 1e15, 0.3, 0.999)
    changed = {str(pick(rng, known)): pick(rng, values) for _ in range(few(rng, 2))}
    said = [f"{key}={str(value)[:30]!a}" for key, value in changed.items()]
    return Made(folder / "fit", [model, *said], {"model": model, "changed": changed})


def use_fit(made: Made) -> Any:
    """A fit of one epoch on a tiny set, and a prediction."""
    from undertow.cli.configuring import configure
    from undertow.models.loading import model_class

    model = made.options["model"]
    settings = {**trained.TINY[model], **made.options["changed"]}
    trials = trained.recording()
    fitted = configure(model_class(model)(), settings).fit(trials[:8], trials[8:10])
    fitted.predict(trials[10:], samples=2)


TOML = Target("toml", make_toml, use_toml)
SET = Target("--set", make_set, use_set, 1.5)
RULES = Target("rules", make_rule, use_rule, 0.8)
FITS = Target("settings in a fit", make_fit, use_fit, 0.5)
