"""The errors and warnings undertow raises on purpose."""


class UndertowError(ValueError):
    """Something the user gave breaks a rule; the message names what, where and what to do."""


class DataError(UndertowError):
    """A recording, file or array cannot be used as given."""


class ModelError(UndertowError):
    """A model, its settings or a saved model file cannot be used as given."""


class StabilityError(ModelError):
    """A time step of the dynamics would grow without bound."""


class WriteError(UndertowError):
    """A file could not be written: a full disk, a limit, no permission; no half of it is kept."""


class DataWarning(UserWarning):
    """The data can be used, but something in them deserves a look.

    Examples are silent neurons and bins that were dropped.
    """


class UnusedWarning(DataWarning):
    """The model asked for does not use a part of the data."""
