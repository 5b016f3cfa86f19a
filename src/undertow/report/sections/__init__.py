"""Figures of a report, in order; a file for each kind computes, draws and says."""

from undertow.report.record import RunRecord
from undertow.report.section import Section
from undertow.report.sections.averages import POPULATION, PSTH, PSTH_SPIKES
from undertow.report.sections.dynamics import COUPLING, OSCILLATORS, PHASE_PORTRAIT
from undertow.report.sections.generated import BEHAVIOR, GENERATED
from undertow.report.sections.latents import LATENTS, WAVES
from undertow.report.sections.predictive import PREDICTIVE
from undertow.report.sections.regimes import REGIMES
from undertow.report.sections.scores import NEURONS, TRAINING
from undertow.report.sections.single_trials import RASTERS, SINGLE_TRIALS
from undertow.report.sections.tuning import TUNING
from undertow.report.sections.velocity import HAND_PATHS, VELOCITY

SECTIONS = (
    RASTERS,
    SINGLE_TRIALS,
    PSTH,
    PSTH_SPIKES,
    POPULATION,
    LATENTS,
    REGIMES,
    WAVES,
    VELOCITY,
    HAND_PATHS,
    NEURONS,
    PREDICTIVE,
    TUNING,
    TRAINING,
    GENERATED,
    BEHAVIOR,
    OSCILLATORS,
    COUPLING,
    PHASE_PORTRAIT,
)


def sections_of(record: RunRecord) -> tuple[Section, ...]:
    """Return the figures of this record's report.

    Some are only for models that generate or that have latents of one kind, one only for settings
    that were searched.
    """
    generates, latents = record.generated is not None, record.prediction.latents
    return tuple(
        section
        for section in SECTIONS
        if (generates or not section.generative)
        and (record.tuning is not None or not section.searched)
        and (section.latent is None or section.latent in latents)
    )
