"""One model of several recordings: what their neurons have of their own, and what they share."""

from undertow.models.joint.model import JointModel

__all__ = ["JointModel"]
