"""The figures of a report, in order: one file each, which computes, draws and says."""

from undertow.report.record import RunRecord
from undertow.report.section import Section
from undertow.report.sections.behavior import BEHAVIOR
from undertow.report.sections.coupling import COUPLING
from undertow.report.sections.generated import GENERATED
from undertow.report.sections.hand_paths import HAND_PATHS
from undertow.report.sections.latents import LATENTS
from undertow.report.sections.neurons import NEURONS
from undertow.report.sections.oscillators import OSCILLATORS
from undertow.report.sections.phase_portrait import PHASE_PORTRAIT
from undertow.report.sections.population import POPULATION
from undertow.report.sections.psth import PSTH
from undertow.report.sections.psth_spikes import PSTH_SPIKES
from undertow.report.sections.rasters import RASTERS
from undertow.report.sections.single_trials import SINGLE_TRIALS
from undertow.report.sections.training import TRAINING
from undertow.report.sections.velocity import VELOCITY
from undertow.report.sections.waves import WAVES

SECTIONS = (
    RASTERS,
    SINGLE_TRIALS,
    PSTH,
    PSTH_SPIKES,
    POPULATION,
    LATENTS,
    WAVES,
    VELOCITY,
    HAND_PATHS,
    NEURONS,
    TRAINING,
    GENERATED,
    BEHAVIOR,
    OSCILLATORS,
    COUPLING,
    PHASE_PORTRAIT,
)


def sections_of(record: RunRecord) -> tuple[Section, ...]:
    """The figures of this record's report: some only where the model generates."""
    generates = record.generated is not None
    return tuple(section for section in SECTIONS if generates or not section.generative)
