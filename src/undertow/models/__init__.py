"""Models of spike trains, one package per paper, all with the same `Estimator` interface."""

from undertow.models.base import Estimator
from undertow.models.encoding import GRUEncoding, LinearEncoding
from undertow.models.ensemble import Ensemble
from undertow.models.gp_slds import GPSLDS, VariationalEM
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.joint import JointModel
from undertow.models.langevin_flow import Langevin, LangevinFlow, LangevinPosterior, Variant
from undertow.models.latent_sde import LatentSDE, PathPosterior, Signals, Solver
from undertow.models.lfads import LFADS, GRUController, GRUGenerator, InitialCondition
from undertow.models.loading import load_model, model_choices, model_class
from undertow.models.lstm_encoding import LSTMEncoding
from undertow.models.many import fit_many
from undertow.models.ndt import NDT, STNDT, Contrast, Masking, TransformerEncoding
from undertow.models.pieces import (
    Counts,
    LinearDecoding,
    MLPDecoding,
    RegionalDecoding,
    TransformerDecoding,
)
from undertow.models.population import Population
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.models.streaming import Stream, StreamedBin
from undertow.models.trained import TrainedModel

__all__ = [
    "GPSLDS",
    "LFADS",
    "NDT",
    "STNDT",
    "Choices",
    "Contrast",
    "Counts",
    "Ensemble",
    "Estimator",
    "GRUController",
    "GRUEncoding",
    "GRUGenerator",
    "HiddenSpikes",
    "InitialCondition",
    "JointModel",
    "LSTMEncoding",
    "Langevin",
    "LangevinFlow",
    "LangevinPosterior",
    "LatentSDE",
    "LinearDecoding",
    "LinearEncoding",
    "MLPDecoding",
    "Masking",
    "PathPosterior",
    "Population",
    "Range",
    "RegionalDecoding",
    "SearchSpace",
    "Signals",
    "Solver",
    "Stream",
    "StreamedBin",
    "TrainedModel",
    "TransformerDecoding",
    "TransformerEncoding",
    "Variant",
    "VariationalEM",
    "fit_many",
    "load_model",
    "model_choices",
    "model_class",
]
