"""Two small grey pictures laid over each other as well as they can be, and how well that is.

Registration: Gauss-Newton steps over a scale and a shift for each axis together with gain and offset of the grey values
(Lucas & Kanade 1981; Baker & Matthews 2004, "Lucas-Kanade 20 Years On", parts 1 and 3: gain and offset as linear
appearance), with the worst pixels trimmed (least trimmed squares, Rousseeuw 1984), so that a crop, a change of
brightness and a watermark are all undone. Agreement: a low quantile of normalised correlations, block by block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]

_MAX_SCALE, _MAX_SHIFT = 0.12, 0.08  # of the picture's side
_MAX_STEP = 0.06
_STEPS = 3
_NOISE = 1.0  # variance in grey levels by which two decodings of one picture may differ
_RIDGE = 1e-4


class Rule(NamedTuple):
    """How two registered pictures are compared."""

    block: int  # pixels of a block's side
    texture: float  # grey levels of standard deviation in a block that count as texture
    least: int  # blocks that must have texture
    quantile: float  # share of the textured blocks that may disagree


class Warp(NamedTuple):
    """`second` sampled where `first` has its pixels: values `[n, s, s]`, which of them lie inside, and the motion."""

    values: Float
    inside: Bools
    motion: Float  # [n, 4]: scale and shift along x, scale and shift along y, of the side


def register(first: Float, second: Float, keep: float, start: Float | None = None) -> Warp:
    """Fit first = gain * second(u + scale * u + shift) + offset over the best `keep` of the pixels, by Gauss-Newton."""
    count, side, _ = first.shape
    u = _positions(side)
    motion = np.zeros((count, 4), np.float32) if start is None else start
    target = first.reshape(count, -1)
    warp = warped(second, motion)
    weight = warp.inside.reshape(count, -1).astype(np.float32)
    for _ in range(_STEPS):
        across, down = _gradients(warp.values)
        columns = np.stack([across * u, across, down * u[:, None], down, warp.values, np.ones_like(across)], 1)
        columns = columns.reshape(count, 6, -1)
        weighted = columns * weight[:, None]
        normal = weighted @ columns.transpose(0, 2, 1)
        unit = np.maximum(normal.diagonal(axis1=1, axis2=2), 1e-3) ** -0.5
        normal = normal * unit[:, :, None] * unit[:, None] + np.eye(6, dtype=np.float32) * _RIDGE
        right = (weighted @ target[:, :, None]) * unit[:, :, None]
        solved = np.linalg.solve(normal, right)[:, :, 0] * unit
        gain = np.maximum(solved[:, 4:5], 0.2)
        motion = motion + np.clip(solved[:, :4] / gain, -_MAX_STEP, _MAX_STEP)
        limit = np.array([_MAX_SCALE, _MAX_SHIFT, _MAX_SCALE, _MAX_SHIFT], np.float32)
        motion = motion.clip(-limit, limit)
        warp = warped(second, motion)
        weight = _trimmed(target, warp, weight, keep)
    return warp


def _positions(side: int) -> Float:
    return ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)


def warped(image: Float, motion: Float) -> Warp:
    """Pictures sampled where a motion takes the pixels: `[n, s, s]` and `[n, 4]`."""
    side = image.shape[1]
    x, inside_x = _hats(side, motion[:, 0], motion[:, 1])
    y, inside_y = _hats(side, motion[:, 2], motion[:, 3])
    values: Float = (y @ image @ x.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return Warp(values, inside_y[:, :, None] & inside_x[:, None, :], motion)


def _hats(side: int, scale: Float, shift: Float) -> tuple[Float, Bools]:
    """Bilinear interpolation along one axis as matrices `[n, side, side]`."""
    u = _positions(side)
    at = (u + shift[:, None] + scale[:, None] * u + 0.5) * side - 0.5
    inside = (at >= -0.5) & (at <= side - 0.5)
    at = at.clip(0, side - 1)
    return np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(side, dtype=np.float32))), inside


def _gradients(values: Float) -> tuple[Float, Float]:
    half = values.shape[1] / 2
    across, down = np.zeros_like(values), np.zeros_like(values)
    across[:, :, 1:-1] = (values[:, :, 2:] - values[:, :, :-2]) * half
    down[:, 1:-1] = (values[:, 2:] - values[:, :-2]) * half
    return across, down


def _trimmed(target: Float, warp: Warp, weight: Float, keep: float) -> Float:
    """1 for the pixels that the best gain and offset explain best, 0 for the others and those outside."""
    inside = warp.inside.reshape(target.shape)
    weight = weight * inside
    values = warp.values.reshape(target.shape)
    total = weight.sum(1, keepdims=True) + 1e-6
    a = target - (weight * target).sum(1, keepdims=True) / total
    b = values - (weight * values).sum(1, keepdims=True) / total
    gain = (weight * a * b).sum(1, keepdims=True) / ((weight * b * b).sum(1, keepdims=True) + 1e-3)
    error = np.where(inside, np.abs(a - gain * b), np.inf).astype(np.float32)
    last = int(keep * (target.shape[1] - 1))
    near = (error <= np.partition(error, last, axis=1)[:, last : last + 1]) & inside
    return near.astype(np.float32)


def agreement(first: Float, warp: Warp, rule: Rule) -> Float:
    """A low quantile of the textured blocks' normalised correlations; -1 where too few have texture."""
    block = rule.block
    inside = _blocks(warp.inside.astype(np.float32), block)
    pixels = np.maximum(inside.sum(2), 1)
    a, b = (_centred(_blocks(x, block), inside, pixels) for x in (first, warp.values))
    var_a, var_b = (a * a).sum(2) / pixels, (b * b).sum(2) / pixels
    value = (a * b).sum(2) / pixels / np.sqrt((var_a + _NOISE) * (var_b + _NOISE))
    textured = (np.maximum(var_a, var_b) >= rule.texture**2) & (pixels >= block * block / 2)
    count = textured.sum(1)
    ordered = np.sort(np.where(textured, value, np.inf), 1)
    at = (rule.quantile * np.maximum(count - 1, 0)).astype(np.intp)
    return np.where(count >= rule.least, ordered[np.arange(len(ordered)), at], -1).astype(np.float32)


def _centred(x: Float, inside: Float, pixels: Float) -> Float:
    centred: Float = (x - ((x * inside).sum(2) / pixels)[:, :, None]) * inside
    return centred


def _blocks(x: Float, block: int) -> Float:
    n, k = len(x), x.shape[1] // block
    return x.reshape(n, k, block, k, block).transpose(0, 1, 3, 2, 4).reshape(n, k * k, -1)


def shrunk(x: Float, side: int) -> Float:
    """Means of squares of pixels: `[n, s, s]` to `[n, side, side]`."""
    k = x.shape[1] // side
    mean: Float = x.reshape(len(x), side, k, side, k).mean((2, 4))
    return mean
