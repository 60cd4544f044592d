"""Peers of `its_coverage.py`: what else people use for the same intervals.

Every function takes series (m, n), a design (n, k) and contrasts (c, k), and returns the lower and
the upper ends of 95% intervals, arrays (m, c).
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

Ends = tuple[np.ndarray, np.ndarray]


def ols(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """Ordinary least squares, t intervals."""
    n, k = x.shape
    inverse = np.linalg.inv(x.T @ x)
    beta = y @ x @ inverse
    left = y - beta @ x.T
    s2 = (left**2).sum(axis=1) / (n - k)
    centre = beta @ contrasts.T
    se = np.sqrt(s2[:, None] * np.einsum("ck,kl,cl->c", contrasts, inverse, contrasts))
    reach = stats.t.ppf(0.975, n - k) * se
    return centre - reach, centre + reach


def newey_west(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """OLS with Newey-West standard errors (adjusted, lag by rule), t intervals."""
    n, k = x.shape
    inverse = np.linalg.inv(x.T @ x)
    beta = y @ x @ inverse
    left = y - beta @ x.T
    lags = int(np.floor(4 * (n / 100) ** (2 / 9)))
    influence = x @ inverse @ contrasts.T
    variance = np.zeros((len(y), len(contrasts)))
    for c in range(len(contrasts)):
        scores = left * influence[:, c]
        variance[:, c] = (scores**2).sum(axis=1)
        for lag in range(1, lags + 1):
            product = (scores[:, lag:] * scores[:, :-lag]).sum(axis=1)
            variance[:, c] += 2 * (1 - lag / (lags + 1)) * product
    centre = beta @ contrasts.T
    reach = stats.t.ppf(0.975, n - k) * np.sqrt(np.maximum(variance, 0) * n / (n - k))
    return centre - reach, centre + reach


def glsar(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """Feasible GLS of statsmodels, iterated ten times."""
    import statsmodels.api as sm

    found = []
    for row in y:
        fit = sm.GLSAR(row, x, rho=1).iterative_fit(maxiter=10)
        found.append(fit.t_test(contrasts).conf_int())
    ends = np.stack(found)
    return ends[..., 0], ends[..., 1]


R_SCRIPT = """
suppressMessages({library(nlme); library(sandwich)})
arguments <- commandArgs(TRUE)
Y <- as.matrix(read.csv(arguments[1], header = FALSE))
X <- as.matrix(read.csv(arguments[2], header = FALSE)); colnames(X) <- paste0("x", 1:ncol(X))
C <- as.matrix(read.csv(arguments[3], header = FALSE))
n <- nrow(X); k <- ncol(X); q <- qt(.975, n - k); time <- 1:n
out <- t(apply(Y, 1, function(y) {
  d <- data.frame(y = y, X, time = time)
  f <- as.formula(paste("y ~ 0 +", paste(colnames(X), collapse = " + ")))
  g <- try(gls(f, d, correlation = corAR1(form = ~time), method = "REML"), silent = TRUE)
  if (inherits(g, "try-error")) return(rep(NA, 2 * nrow(C)))
  e <- C %*% coef(g); s <- sqrt(diag(C %*% vcov(g) %*% t(C)))
  c(e - q * s, e + q * s)
}))
write.table(out, arguments[4], sep = ",", row.names = FALSE, col.names = FALSE)
"""


def r_gls(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """nlme::gls with corAR1 by REML, t intervals on n - k (R)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("y.csv", "x.csv", "c.csv", "out.csv")]
        for path, array in zip(paths, (y, x, contrasts), strict=False):
            np.savetxt(path, array, delimiter=",")
        script = Path(folder) / "peer.R"
        script.write_text(R_SCRIPT)
        subprocess.run(["Rscript", str(script), *paths], check=True)
        found = pd.read_csv(paths[3], header=None, na_values="NA").to_numpy()
    c = len(contrasts)
    return found[:, :c], found[:, c:]
