"""Changes to JSON: values of other kinds anywhere in it, keys dropped and renamed, nesting."""

import json
from typing import Any

from tests.campaigns import deep, hostile
from tests.campaigns.target import Rng, chance, few, pick

MARK = "a value of another kind stands here"


def change(rng: Rng, content: Any, most: int = 3) -> tuple[str, list[str]]:
    """(JSON text of `content` with one to `most` changes, what was changed)."""
    content, said = json.loads(json.dumps(content)), []
    raw: list[str] = []
    for _ in range(few(rng, most)):
        said.append(_one(rng, content, raw))
    text = json.dumps(content)
    for each in raw:
        text = text.replace(json.dumps(MARK), each, 1)
    if chance(rng, 0.06):
        text, how = _spoiled(rng, text)
        said.append(how)
    return text, said


def _one(rng: Rng, content: Any, raw: list[str]) -> str:
    """One change in place; where it is text of its own, a mark is left for it."""
    place, key = _somewhere(rng, content)
    if place is None:
        return "nothing to change"
    where = f"{str(key)[:40]!a}"
    way = pick(rng, ("value", "value", "value", "text", "dropped", "renamed", "list", "larger"))
    if way == "value":
        place[key] = _plain(hostile.scalar(rng))
        return f"{where}: {str(place[key])[:30]!a}"
    if way == "text":
        raw.append(deep.json_value(rng))
        place[key] = MARK
        return f"{where}: {raw[-1][:20]}…"
    if way == "dropped":
        del place[key]
    elif way == "renamed" and isinstance(place, dict):
        place[hostile.name(rng)] = place.pop(key)
    elif way == "larger" and isinstance(place[key], int | float):
        place[key] = place[key] * pick(rng, (-1, 2, 1000, 10**12)) + pick(rng, (0, 1, 0.5))
    else:
        place[key] = [place[key], place[key]]
    return f"{where} {way}"


def _somewhere(rng: Rng, content: Any) -> tuple[Any, Any]:
    """A container within `content` and one of its keys; deeper ones as often as the first."""
    place, key = None, None
    while isinstance(content, dict | list) and content:
        if place is not None and chance(rng, 0.3):
            break
        place = content
        key = pick(rng, content) if isinstance(content, dict) else int(rng.integers(len(content)))
        content = place[key]
    return place, key


def _plain(value: Any) -> Any:
    return None if isinstance(value, bytes) else value


def _spoiled(rng: Rng, text: str) -> tuple[str, str]:
    ways = {
        "cut short": text[: int(rng.integers(len(text) + 1))],
        "another value": deep.json_value(rng),
        "a list": f"[{text}]",
        "twice": text + text,
        "no JSON": "model = 1",
        "an object's key twice": text.replace("{", '{"model": 1, "model": 2, ', 1),
    }
    way = str(pick(rng, ways))
    return ways[way], way
