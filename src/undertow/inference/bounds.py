"""Bounds on the log evidence of a trial, in nats."""

import math

import torch
from torch import Tensor


def evidence_bound(log_likelihood: Tensor, kl_initial: Tensor, kl_path: Tensor) -> Tensor:
    """ELBO of each trial from one posterior path (ElGazzar & van Gerven eq. 6).

    All arguments are in nats, (trials,).
    """
    return log_likelihood - kl_initial - kl_path


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """Logarithm of the mean weight of K paths, (trials,).

    On average it is at least the ELBO, and it tends to the evidence as K grows.

    Args:
        log_weights: log p(y, x) / q(x) of each path, (paths, trials): its log-likelihood, the log
            ratio of its initial state and the log ratio of its path, stochastic integral included
            (`Path.log_ratio`).
    """
    return torch.logsumexp(log_weights, 0) - math.log(len(log_weights))
