"""A linear model over closed values: one logistic regression a value, read together as probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import logsumexp, softmax
from sklearn.linear_model import SGDClassifier

_TEMPERATURES = (0.02, 50.0)


@dataclass(frozen=True)
class LinearModel:
    """K values with weights of shape (F, K) and biases of shape (K,); probabilities are softmax(scores / temperature).

    The scores come from regressions that are fitted apart, so only the temperature makes them probabilities.
    """

    weights: np.ndarray
    biases: np.ndarray
    temperature: float = 1.0

    def scores(self, features: csr_matrix) -> np.ndarray:
        """Shape (N, K), before the temperature."""
        return np.asarray(features @ self.weights + self.biases)

    def probabilities(self, features: csr_matrix) -> np.ndarray:
        """Shape (N, K); each row sums to 1."""
        return softmax(self.scores(features) / self.temperature, axis=1)


def fit(
    features: csr_matrix, truth: np.ndarray, weights: np.ndarray, *, alpha: float, epochs: int, seed: int
) -> LinearModel:
    """One value against all others, for each column of `truth` (N, K), where a value that holds is above 0.

    `weights` (N,) says how much a row counts. Each column needs a row that has the value and one that does not.
    """
    shape: Any = features.shape
    coefficients = np.empty((shape[1], truth.shape[1]), dtype=np.float32)
    biases = np.empty(truth.shape[1], dtype=np.float32)
    for column in range(truth.shape[1]):
        regression: Any = SGDClassifier(loss="log_loss", alpha=alpha, max_iter=epochs, average=True, random_state=seed)
        regression.set_params(tol=None)  # all epochs, always
        regression.fit(features, truth[:, column] > 0, sample_weight=weights)
        coefficients[:, column] = regression.coef_[0]
        biases[column] = regression.intercept_[0]
    return LinearModel(coefficients, biases)


def fit_temperature(scores: np.ndarray, truth: np.ndarray) -> float:
    """The temperature at which held-out `scores` (N, K) give what holds in `truth` (N, K) the highest likelihood.

    Of a row with several values that hold, it is the probability of any of them that counts. Where N answers are all
    right, the next is still wrong with a chance of about 1 / N, so that share of each row is given to all values alike.

    Source: Guo et al., 'On calibration of modern neural networks', ICML 2017; the share after Platt, 'Probabilistic
    outputs for support vector machines', 1999.
    """
    holds = np.where(truth > 0, 1.0, 0.0)
    doubt = 1 / (len(truth) + 2)

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        right: Any = logsumexp(scaled, axis=1, b=holds)
        total: Any = logsumexp(scaled, axis=1)
        return float(np.mean(total - (1 - doubt) * right - doubt * scaled.mean(axis=1)))

    found = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))
