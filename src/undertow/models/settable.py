"""`Settable`: constructor arguments as parameters, in scikit-learn style, nested ones too."""

import inspect
from abc import ABC
from collections.abc import Mapping
from typing import Any, Self

from undertow import checks
from undertow.errors import ModelError
from undertow.models import parameters
from undertow.names import nearest


class Settable(ABC):  # noqa: B024
    """What is made of constructor arguments, each kept under its own name.

    An argument that holds options, dynamics or another model is a piece, whose parameters are
    reached by `training__epochs`.
    """

    def check_settings(self) -> None:
        """Refuse settings that break a rule, before any trial is read.

        Raises:
            ModelError: naming the setting and its rule.
        """
        names = parameters.parameter_names(type(self))
        for name in names:
            self.piece(name)
        if "seed" in names:
            checks.seed("seed", self.get_params(deep=False)["seed"])

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return constructor arguments; `deep` adds those of pieces: 'training__epochs'."""
        own = {name: getattr(self, name) for name in parameters.parameter_names(type(self))}
        return own | self._nested_params() if deep else own

    def _nested_params(self) -> dict[str, Any]:
        return {
            f"{name}{parameters.SEPARATOR}{key}": value
            for name in parameters.parameter_names(type(self))
            for key, value in self.parameters_of(name).items()
        }

    def parameters_of(self, name: str) -> dict[str, Any]:
        """Return the parameters of the piece that an argument holds; empty for plain values."""
        value = self.piece(name)
        if isinstance(value, Settable):
            return value.get_params()
        return parameters.nested(value, self._width_of(name))

    def piece(self, name: str) -> Any:
        """Return what an argument stands for: the options themselves where it names them."""
        value, annotation = getattr(self, name), parameters.annotations(type(self))[name]
        if parameters.option_classes(annotation):
            return parameters.as_options(name, value, annotation)
        return value

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments, or parameters of a piece ('training__epochs').

        A piece given by name keeps the values it shares with the piece it replaces: another decoder
        stays as wide.

        Raises:
            ModelError: for an unknown name, with the nearest one, or a value that breaks its rule.
        """
        known = parameters.parameter_names(type(self))
        inner: dict[str, dict[str, Any]] = {}
        for name, value in params.items():
            own, _, key = name.partition(parameters.SEPARATOR)
            if own not in known:
                near = nearest(name, known)
                raise ModelError(f"{type(self).__name__} has no parameter {name!r}: {near}")
            if key:
                inner.setdefault(own, {})[key] = value
            else:
                self._exchange(own, value)
        for own, changes in inner.items():  # last, so that they change the new piece, not the old
            setattr(self, own, self._changed(own, changes))
        return self

    def _exchange(self, name: str, value: Any) -> None:
        annotation = parameters.annotations(type(self))[name]
        if isinstance(value, str) and parameters.option_classes(annotation):
            plain = parameters.as_options(name, value, annotation)
            kept = parameters.exchanged(self.piece(name), plain)
            value = value if kept == plain else kept
        setattr(self, name, value)

    def _changed(self, name: str, changes: Mapping[str, Any]) -> Any:
        value = self.piece(name)
        if isinstance(value, Settable):
            return value.copy(**changes)
        return parameters.changed(name, value, changes, self._width_of(name))

    def _width_of(self, name: str) -> int | None:
        """Return the width of dynamics given by name; None where the argument names no dynamics."""
        return None

    def copy(self, **changes: Any) -> Self:
        """Return an unfitted copy with the same parameters, `changes` made as in `set_params`."""
        return type(self)(**self.get_params(deep=False)).set_params(**changes)

    def __sklearn_tags__(self) -> Any:
        """Return the tags scikit-learn reads before it splits, clones and scores."""
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = InputTags(two_d_array=False, three_d_array=True, allow_nan=True)
        return Tags(None, TargetTags(required=False), input_tags=tags)

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{k}={parameters.one_line(v)}"
            for k, v in self.get_params(deep=False).items()
            if v != defaults[k].default
        )
        return f"{type(self).__name__}({', '.join(changed)})"
