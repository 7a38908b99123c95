# SPDX-License-Identifier: GPL-3.0-or-later
"""X-ray: what is drawn becomes see-through as a whole, as a mesh does, instead of every splat for itself.

The stubs of `gpu` know no constructors and no context managers: what is ignored below is that.
"""

# pyright: reportGeneralTypeIssues=false, reportCallIssue=false

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

import gpu
from gpu_extras.batch import batch_for_shader

TRIANGLE = ((-1.0, -1.0), (3.0, -1.0), (-1.0, 3.0))  # covers the view


@contextmanager
def see_through(alpha: float) -> Iterator[None]:
    """Draw what is drawn inside, premultiplied, with `alpha` (0..1) over the current view."""
    _, _, width, height = gpu.state.viewport_get()
    picture, screen = _screen(width, height)
    view, lens = gpu.matrix.get_model_view_matrix(), gpu.matrix.get_projection_matrix()
    with screen.bind(), gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
        screen.clear(color=(0.0, 0.0, 0.0, 0.0), depth=1.0)
        gpu.matrix.load_matrix(view)
        gpu.matrix.load_projection_matrix(lens)
        yield
    program = _fade_shader()
    program.bind()
    program.uniform_sampler("image", picture)
    program.uniform_float("opacity", alpha)
    gpu.state.blend_set("ALPHA_PREMULT")
    batch_for_shader(program, "TRIS", {"pos": TRIANGLE}).draw(program)
    gpu.state.blend_set("NONE")


@cache
def _fade_shader() -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC2", "pos")
    info.fragment_out(0, "VEC4", "colour")
    info.sampler(0, "FLOAT_2D", "image")
    info.push_constant("FLOAT", "opacity")
    info.vertex_source("void main() { gl_Position = vec4(pos, 0.0, 1.0); }")
    info.fragment_source("void main() { colour = texelFetch(image, ivec2(gl_FragCoord.xy), 0) * opacity; }")
    return gpu.shader.create_from_info(info)


@lru_cache(maxsize=4)
def _screen(width: int, height: int) -> tuple[gpu.types.GPUTexture, gpu.types.GPUFrameBuffer]:
    """A frame buffer and its picture. Not a GPUOffScreen, which does not give the frame buffer before it back."""
    picture = gpu.types.GPUTexture((width, height), format="RGBA16F")
    depth = gpu.types.GPUTexture((width, height), format="DEPTH_COMPONENT32F")
    return picture, gpu.types.GPUFrameBuffer(color_slots=picture, depth_slot=depth)


def clear() -> None:
    """Free the GPU's objects while there still is a GPU."""
    _fade_shader.cache_clear()
    _screen.cache_clear()
