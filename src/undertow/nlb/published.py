"""Published scores of the benchmark's test trials, each with its source; none was measured here.

Scores at 5 and at 20 ms bins do not compare, and neither do scores of validation trials with these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from undertow.data.readers.nlb_sets import check_bin_ms, nlb_set


@final
@dataclass(frozen=True)
class PublishedScores:
    """What was published of one model on the test trials of one set, at one bin width.

    Attributes:
        model: its name, with '(ensemble)' where several models are averaged.
        set_name: such as 'mc_maze'.
        bin_ms: 5 or 20.
        values: by the benchmark's names, as in `NLBScores`; those that were published.
        source: the paper and table, or the leaderboard.
    """

    model: str
    set_name: str
    bin_ms: int
    values: Mapping[str, float]
    source: str


def published_scores(set_name: str, bin_ms: int) -> tuple[PublishedScores, ...]:
    """What is known of a set at one bin width, the highest co-bps first.

    It is nothing for the scaling sets, 'mc_maze_large', 'mc_maze_medium' and 'mc_maze_small'.

    Raises:
        DataError: for a set or bin width the benchmark does not have.
    """
    wanted = (nlb_set(set_name).name, check_bin_ms(bin_ms))
    found = [row for row in PUBLISHED if (row.set_name, row.bin_ms) == wanted]
    return tuple(sorted(found, key=lambda row: -row.values["co-bps"]))


def _table(
    set_name: str,
    bin_ms: int,
    source: str,
    names: tuple[str, ...],
    rows: Mapping[str, tuple[float | None, ...]],
) -> list[PublishedScores]:
    """The rows of a printed table, which has no number in some places."""
    return [
        PublishedScores(
            model,
            set_name,
            bin_ms,
            {name: v for name, v in zip(names, values, strict=True) if v is not None},
            source,
        )
        for model, values in rows.items()
    ]


MOVED = ("co-bps", "vel R2", "psth R2", "fp-bps")
UNCONDITIONED = ("co-bps", "vel R2", "fp-bps")
TIMED = ("co-bps", "tp corr", "psth R2", "fp-bps")
SONG = "Song et al. 2025 (arXiv 2507.11531)"
"""Their rows of other models are quoted from the public leaderboard."""
LE = "Le & Shlizerman 2022 (arXiv 2206.04727)"
GE = "Ge & Xie 2026 (arXiv 2606.11066)"
LEADERBOARD = "EvalAI leaderboard, closed in January 2026"
PUBLISHED = (
    *_table(
        "mc_maze",
        20,
        f"{SONG}, Table 1",
        MOVED,
        {
            "Smoothing": (0.2076, 0.6111, -0.0005, None),
            "GPFA": (0.2463, 0.6613, 0.5574, None),
            "SLDS": (0.2117, 0.7944, 0.4709, -0.1513),
            "NDT": (0.3597, 0.8897, 0.6172, 0.2442),
            "AutoLFADS": (0.3554, 0.8906, 0.6002, 0.2454),
            "MINT": (0.3295, 0.9005, 0.7474, 0.2076),
            "LangevinFlow": (0.3641, 0.8940, 0.6801, 0.2573),
        },
    ),
    *_table(
        "mc_rtt",
        20,
        f"{SONG}, Table 1",
        UNCONDITIONED,
        {
            "Smoothing": (0.1454, 0.3875, None),
            "GPFA": (0.1769, 0.5263, None),
            "SLDS": (0.1662, 0.5365, -0.0509),
            "NDT": (0.1643, 0.6100, 0.1200),
            "AutoLFADS": (0.1976, 0.6105, 0.1241),
            "MINT": (0.2008, 0.6547, 0.1099),
            "LangevinFlow": (0.2010, 0.6652, 0.1389),
        },
    ),
    *_table(
        "area2_bump",
        20,
        f"{SONG}, Table 2",
        MOVED,
        {
            "Smoothing": (0.1529, 0.5319, -0.1840, None),
            "GPFA": (0.1791, 0.6094, 0.5998, None),
            "SLDS": (0.1816, 0.6967, 0.5200, 0.0132),
            "NDT": (0.2624, 0.8623, 0.6078, 0.1459),
            "AutoLFADS": (0.2542, 0.8565, 0.6552, 0.1423),
            "MINT": (0.2718, 0.8803, 0.9049, 0.1489),
            "LangevinFlow": (0.2881, 0.8810, 0.7641, 0.1647),
        },
    ),
    *_table(
        "dmfc_rsg",
        20,
        f"{SONG}, Table 2",
        TIMED,
        {
            "Smoothing": (0.1183, -0.5115, 0.2830, None),
            "GPFA": (0.1378, -0.5506, 0.3180, None),
            "SLDS": (0.1575, -0.5997, 0.5470, 0.0374),
            "NDT": (0.1757, -0.6928, 0.5477, 0.1649),
            "AutoLFADS": (0.1871, -0.7819, 0.5903, 0.1791),
            "MINT": (0.1824, -0.6995, 0.7014, 0.1647),
            "LangevinFlow": (0.1904, -0.5981, 0.6079, 0.1945),
        },
    ),
    *_table(
        "mc_maze",
        5,
        f"{SONG}, Table 4",
        MOVED,
        {
            "Smoothing": (0.2109, 0.6238, 0.1853, None),
            "GPFA": (0.1872, 0.6399, 0.5150, None),
            "SLDS": (0.2249, 0.7947, 0.5330, -0.1513),
            "NDT": (0.3229, 0.8862, 0.5308, 0.2206),
            "AutoLFADS": (0.3364, 0.9097, 0.6360, 0.2349),
            "MINT": (0.3304, 0.9121, 0.7496, 0.2076),
            "LangevinFlow": (0.3624, 0.7867, 0.5515, 0.2556),
        },
    ),
    *_table(
        "mc_rtt",
        5,
        f"{SONG}, Table 4",
        UNCONDITIONED,
        {
            "Smoothing": (0.1468, 0.4142, None),
            "GPFA": (0.1548, 0.5339, None),
            "SLDS": (0.1649, 0.5206, 0.0620),
            "NDT": (0.1749, 0.5656, 0.0970),
            "AutoLFADS": (0.1868, 0.6167, 0.1213),
            "MINT": (0.2014, 0.6559, 0.1099),
            "LangevinFlow": (0.1900, 0.4748, 0.1300),
        },
    ),
    *_table(
        "area2_bump",
        5,
        f"{SONG}, Table 5",
        MOVED,
        {
            "Smoothing": (0.1544, 0.5736, 0.2084, None),
            "GPFA": (0.1680, 0.5975, 0.5289, None),
            "SLDS": (0.1960, 0.7385, 0.5740, 0.0242),
            "NDT": (0.2623, 0.8672, 0.6619, 0.1184),
            "AutoLFADS": (0.2569, 0.8492, 0.6318, 0.1505),
            "MINT": (0.2735, 0.8877, 0.9135, 0.1483),
            "LangevinFlow": (0.2772, 0.8580, 0.7567, 0.1526),
        },
    ),
    *_table(
        "dmfc_rsg",
        5,
        f"{SONG}, Table 5",
        TIMED,
        {
            "Smoothing": (0.1202, -0.5139, 0.2993, None),
            "GPFA": (0.1176, -0.3763, 0.2142, None),
            "SLDS": (0.1243, -0.5412, 0.3372, -0.0418),
            "NDT": (0.1720, -0.5624, 0.4377, 0.1404),
            "AutoLFADS": (0.1829, -0.8248, 0.6359, 0.1844),
            "MINT": (0.1821, -0.6929, 0.7013, 0.1650),
            "LangevinFlow": (0.1841, -0.5466, 0.6092, 0.1689),
        },
    ),
    *_table(
        "mc_maze",
        5,
        f"{LE}, Table 1",
        MOVED,
        {
            "iLQR-VAE": (0.3559, 0.8840, 0.6062, 0.1480),
            "AESMTE1": (0.3599, 0.9105, 0.6641, 0.2470),
            "AESMTE3 (ensemble)": (0.3676, 0.9114, 0.6683, 0.2589),
            "STNDT": (0.3691, 0.8985, 0.6567, 0.2505),
            "STNDT (ensemble)": (0.3862, 0.9095, 0.6693, 0.2686),
        },
    ),
    *_table(
        "mc_rtt",
        5,
        f"{LE}, Table 1",
        UNCONDITIONED,
        {
            "AESMTE1": (0.1927, 0.6627, 0.1229),
            "AESMTE3 (ensemble)": (0.2053, 0.6334, 0.1344),
            "STNDT": (0.1865, 0.5988, 0.0964),
            "STNDT (ensemble)": (0.2095, 0.6270, 0.1244),
        },
    ),
    *_table(
        "area2_bump",
        5,
        f"{LE}, Table 2",
        MOVED,
        {
            "AESMTE1": (0.2801, 0.8675, 0.6367, 0.1523),
            "AESMTE3 (ensemble)": (0.2860, 0.8999, 0.7109, 0.1603),
            "STNDT": (0.2818, 0.8766, 0.6454, 0.1357),
            "STNDT (ensemble)": (0.2898, 0.8913, 0.7368, 0.1476),
        },
    ),
    *_table(
        "dmfc_rsg",
        5,
        f"{LE}, Table 2",
        TIMED,
        {
            "AESMTE1": (0.1733, -0.6189, 0.5267, 0.1511),
            "AESMTE3 (ensemble)": (0.1886, -0.7601, 0.6064, 0.1828),
            "STNDT": (0.1859, -0.5205, 0.6051, 0.1601),
            "STNDT (ensemble)": (0.1940, -0.4857, 0.6452, 0.1910),
        },
    ),
    *_table("mc_maze", 5, GE, MOVED[:1], {"GRAFT (ensemble)": (0.3866,)}),
    *_table(
        "mc_maze",
        20,
        LEADERBOARD,
        MOVED[:1],
        {"LangevinFlow (leaderboard)": (0.3650,), "SMC": (0.3589,)},
    ),
)
"""All of them."""
