"""Recordings and binned trials: reading, binning, splitting, holding out."""

from undertow.data.prediction import Prediction
from undertow.data.trialset import TrialSet

__all__ = ["Prediction", "TrialSet"]
