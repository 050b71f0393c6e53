#!/usr/bin/env python3
"""Writes coefficients.h: the polynomials of functions.inl.h, fitted in double to the smallest largest error (numpy)."""
import math
import pathlib

import numpy as np

SEGMENTS = 16


def fit(function, centre, low, high, degree, fixed):
    """Coefficients of the polynomial in (x - centre) nearest to `function` on centre + [low, high]; the first ones given."""
    angle = np.pi * (np.arange(600) + 0.5) / 600
    x = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
    target = np.array([function(centre + offset) for offset in x])
    target -= sum(c * x**i for i, c in enumerate(fixed))
    scale = max(abs(low), abs(high))
    powers = np.stack([(x / scale) ** i for i in range(len(fixed), degree + 1)], 1)
    weight = np.ones(len(x))
    for _ in range(60):  # Lawson's iteration: least squares whose weights grow where the error is largest
        root = np.sqrt(weight)
        solution, *_ = np.linalg.lstsq(powers * root[:, None], target * root, rcond=None)
        error = np.abs(powers @ solution - target)
        weight *= error / error.max() + 1e-3
        weight /= weight.max()
    return list(fixed) + [c / scale**i for i, c in enumerate(solution, len(fixed))]


def table(name, comment, function, step, degree, first):
    """A PiecewisePolynomial of `function`, `step` a short binary fraction; `first` are the leading coefficients at 0."""
    half = 0.4999  # a hair less, so that the end itself still rounds to the last point
    end = step * (SEGMENTS - 1 + half)
    rows = []
    for segment in range(SEGMENTS):
        low = 0.0 if segment == 0 else -step / 2
        rows.append(fit(function, segment * step, low, step / 2, degree, first if segment == 0 else []))
    at_end = sum(c * (step * half) ** i for i, c in enumerate(rows[-1]))
    rows[-1][0] += round(function(end)) - at_end
    lines = [f"/// {comment}", f"constexpr PiecewisePolynomial<{degree}> {name} = {{"]
    lines += [f"    .end = {literal(end)},", f"    .step = {literal(step)},", "    .coefficients = {"]
    for power in range(degree + 1):
        values = [literal(row[power]) for row in rows]
        lines.append("        {" + ", ".join(values[:8]) + ",")
        lines.append("         " + ", ".join(values[8:]) + "},")
    return "\n".join(lines + ["    }};"])


def literal(value):
    return f"{float(np.float32(value))!r}F"


def normal_tail(x):
    return x * 0.5 * math.erfc(x / math.sqrt(2))


exponential = fit(math.exp, 0.0, -math.log(2) / 2, math.log(2) / 2, 6, [1.0, 1.0])
power_of_two = fit(lambda x: 2.0**x, 0.0, -0.5, 0.5, 5, [1.0])
pathlib.Path(__file__).with_name("coefficients.h").write_text(
    f"""// Written by fit_coefficients.py.
#pragma once

namespace accelerate::cpu {{
namespace {{

/// Polynomials of one degree around {SEGMENTS} equally spaced points 0, step, 2·step, … that cover [0, end].
template <int degree>
struct PiecewisePolynomial {{
  float end;
  float step;
  alignas(64) float coefficients[degree + 1][{SEGMENTS}];  ///< [power][point]
}};

/// exp(x) for |x| ≤ ln(2)/2, by rising power.
constexpr float exponential_coefficients[7] = {{{", ".join(literal(c) for c in exponential)}}};

/// 2ˣ for |x| ≤ 1/2, by rising power.
constexpr float power_of_two_coefficients[6] = {{{", ".join(literal(c) for c in power_of_two)}}};

{table("normal_tail", "x·Φ(-x), Φ the normal distribution: what gelu(x) lacks of x, and gelu(-x) of 0.", normal_tail, 0.375, 5, [0.0, 0.5])}

{table("error_function", "erf(x).", math.erf, 0.2578125, 6, [0.0, 2 / math.sqrt(math.pi)])}

{table("hyperbolic_tangent", "tanh(x).", math.tanh, 0.59375, 7, [0.0, 1.0])}

}}  // namespace
}}  // namespace accelerate::cpu
"""
)
