"""What a key picture shows, read from its scene at full resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from biocodes_crate.images import Scene
from biocodes_crate.tracing.index import PROJECTED, KeyPicture
from biocodes_crate.tracing.model import PlaneRef, Projection
from biocodes_crate.tracing.pixels import Grey, SourcePixels, Warp, Window
from biocodes_crate.tracing.register import Reader


def anchor_of(key: KeyPicture, scene: Scene) -> PlaneRef:
    """The plane or projection of a key picture."""
    if key.z >= 0:
        return PlaneRef(key.z, key.c, key.t)
    return PlaneRef(None, key.c, key.t, Projection(PROJECTED[key.z], 0, scene.size_z - 1))


def plane_reader(pixels: SourcePixels, image: str, scene: Scene, plane: PlaneRef) -> Reader:
    """Reads windows of a plane or projection; its channel −1 stands for the mean of RGB samples."""

    def read(warp: Warp) -> Grey:
        return _window(pixels, image, scene, plane, warp.window)

    return read


def anchor_reader(pixels: SourcePixels, key: KeyPicture, scene: Scene) -> Reader:
    """Reads windows of what a key picture shows."""
    return plane_reader(pixels, key.image, scene, anchor_of(key, scene))


def key_pixels(pixels: SourcePixels, key: KeyPicture) -> Grey:
    """All of what a key picture shows (Y, X) float32, in units of the plane."""
    scene = pixels.scene(key.image, key.scene)
    return _window(pixels, key.image, scene, anchor_of(key, scene), Window(0, 0, scene.size_x, scene.size_y))


def _window(pixels: SourcePixels, image: str, scene: Scene, plane: PlaneRef, window: Window) -> Grey:
    if plane.c >= 0:
        return pixels.reference(image, scene.index, plane, window)
    samples = [pixels.reference(image, scene.index, replace(plane, c=c), window) for c in range(scene.size_c)]
    return np.asarray(np.mean(samples[:3], axis=0), np.float32)
