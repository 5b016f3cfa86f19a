"""Nested values and numbers too long for most parsers, as text."""

from tests.campaigns.target import Rng, pick

DEPTH, DIGITS = 3000, 5000


def nested(opening: str = "[", closing: str = "]", inner: str = "1") -> str:
    """Lists in lists, `DEPTH` deep."""
    return opening * DEPTH + inner + closing * DEPTH


def long_number(rng: Rng) -> str:
    """A number of `DIGITS` digits, in one of its spellings."""
    digits = "7" * DIGITS
    return str(pick(rng, (digits, f"-{digits}", f"{digits}.5", f"0.{digits}", f"1e{digits}")))


def json_value(rng: Rng) -> str:
    """JSON text of a value that parsers stumble over."""
    return str(
        pick(
            rng,
            (
                nested(),
                nested('{"a":', "}"),
                long_number(rng),
                "NaN",
                "Infinity",
                "-Infinity",
                "1e400",
                '"\\ud800"',
                '"\\u0000"',
                "{}",
                "[]",
                "null",
                '"' + "a" * DIGITS + '"',
            ),
        )
    )
