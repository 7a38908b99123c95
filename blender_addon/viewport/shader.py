# SPDX-License-Identifier: GPL-3.0-or-later
"""The splat shader: its source, made when it is first used. Knows no head."""

from functools import cache

import gpu
from mathutils import Matrix

VERTEX = """
vec4 texel(int part) { return texelFetch(table, ivec2((splat % 1024) * 4 + part, splat / 1024), 0); }

void main() {
  vec4 mean = texel(0), q = texel(1);
  vec3 s = texel(2).xyz;
  vec3 p = (view * vec4(mean.xyz, 1.0)).xyz;
  float w = px.w * p.z + py.w;
  vec2 clip = vec2(px.x * p.x + px.y * p.z + px.z, py.x * p.y + py.y * p.z + py.z);
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0);  /* behind the eye: outside the view */
  sigma = vec2(0.0);
  tint = vec4(texel(3).rgb, mean.w);
  if (w <= 1e-4) { return; }

  vec3 du = 0.5 * size.x * vec3(px.x, 0.0, px.y - clip.x / w * px.w) / w;
  vec3 dv = 0.5 * size.y * vec3(0.0, py.x, py.y - clip.y / w * px.w) / w;
  mat3 rotation = mat3(
      1.0 - 2.0 * (q.z * q.z + q.w * q.w), 2.0 * (q.y * q.z + q.x * q.w), 2.0 * (q.y * q.w - q.x * q.z),
      2.0 * (q.y * q.z - q.x * q.w), 1.0 - 2.0 * (q.y * q.y + q.w * q.w), 2.0 * (q.z * q.w + q.x * q.y),
      2.0 * (q.y * q.w + q.x * q.z), 2.0 * (q.z * q.w - q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z));
  mat3 shape = mat3(view) * rotation * mat3(s.x, 0.0, 0.0, 0.0, s.y, 0.0, 0.0, 0.0, s.z);
  vec3 u = du * shape, v = dv * shape;
  float a = dot(u, u) + 0.3, b = dot(u, v), d = dot(v, v) + 0.3;

  float mean_eigen = 0.5 * (a + d), half_gap = sqrt(max(0.25 * (a - d) * (a - d) + b * b, 1e-12));
  float large = mean_eigen + half_gap, small = max(mean_eigen - half_gap, 0.1);
  vec2 axis = abs(b) > 1e-9 ? normalize(vec2(b, large - a)) : (a >= d ? vec2(1.0, 0.0) : vec2(0.0, 1.0));
  int corner = gl_VertexID % 4;
  sigma = 3.0 * vec2(corner == 1 || corner == 2 ? 1.0 : -1.0, corner >= 2 ? 1.0 : -1.0);
  vec2 pixels = axis * sqrt(large) * sigma.x + vec2(-axis.y, axis.x) * sqrt(small) * sigma.y;
  gl_Position = vec4(clip + pixels * 2.0 / size * w, pz.x * p.z + pz.y, w);
}
"""

FRAGMENT = """
void main() {
  float alpha = tint.a * exp(-0.5 * dot(sigma, sigma));
  if (alpha < 1.0 / 255.0) { discard; }
  vec3 light = mix(tint.rgb / 12.92, pow((tint.rgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, tint.rgb));
  colour = vec4((linear != 0 ? light : tint.rgb) * alpha, alpha);
}
"""


@cache
def splat_shader() -> gpu.types.GPUShader:
    """The shader; needs a window or `gpu.init()`."""
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "INT", "splat")
    varyings = gpu.types.GPUStageInterfaceInfo("talksplat_varyings")  # pyright: ignore[reportCallIssue]  (takes a name)
    varyings.smooth("VEC2", "sigma")
    varyings.flat("VEC4", "tint")
    info.vertex_out(varyings)
    info.fragment_out(0, "VEC4", "colour")
    info.sampler(0, "FLOAT_2D", "table")
    # A projection's ten numbers instead of a matrix: only 128 bytes of push constants are guaranteed.
    for kind, name in (("MAT4", "view"), ("VEC4", "px"), ("VEC4", "py"), ("VEC2", "pz"), ("VEC2", "size")):
        info.push_constant(kind, name)
    info.push_constant("INT", "linear")
    info.vertex_source(VERTEX)
    info.fragment_source(FRAGMENT)
    return gpu.shader.create_from_info(info)


@cache
def vertex_format() -> gpu.types.GPUVertFormat:
    """One integer a vertex: the index of its Gaussian."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="splat", comp_type="I32", len=1, fetch_mode="INT")
    return layout


def bind(view: Matrix, projection: Matrix, size: tuple[int, int], table: gpu.types.GPUTexture, linear: bool) -> None:
    """view: head space -> view space; size: of the view in pixels; linear: the target takes light, not sRGB."""
    program, p = splat_shader(), projection
    program.bind()
    program.uniform_float("view", view)  # pyright: ignore[reportArgumentType]  (takes a Matrix)
    program.uniform_float("px", (p[0][0], p[0][2], p[0][3], p[3][2]))
    program.uniform_float("py", (p[1][1], p[1][2], p[1][3], p[3][3]))
    program.uniform_float("pz", (p[2][2], p[2][3]))
    program.uniform_float("size", [float(side) for side in size])
    program.uniform_int("linear", [int(linear)])
    program.uniform_sampler("table", table)


def clear() -> None:
    """Free the GPU's objects while there still is a GPU: freed when Python ends, they crash Blender."""
    splat_shader.cache_clear()
    vertex_format.cache_clear()
