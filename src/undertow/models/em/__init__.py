"""The spine of models that are fitted by expectation–maximisation."""

from undertow.models.em.given import Given
from undertow.models.em.learner import Learner
from undertow.models.em.loop import EMLoop, Validate
from undertow.models.em.model import EMModel
from undertow.models.em.options import EM, PathEM

__all__ = ["EM", "EMLoop", "EMModel", "Given", "Learner", "PathEM", "Validate"]
