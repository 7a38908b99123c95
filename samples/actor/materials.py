# SPDX-License-Identifier: GPL-3.0-or-later
"""What the head is made of: shaders for skin, teeth, gums, lashes and wool, and what is painted on vertices.

Knows the rig's parts, no pose and no light. V vertices; colours are linear albedo unless called display sRGB.
"""

import bpy
import numpy as np
from scipy.spatial import cKDTree

from .expression_rig import BACK_HEAD, MOUTH_SOCKET, UPPER_LASHES, Rig

HAIR = np.array([0.060, 0.038, 0.027])  # linear albedo of cropped hair


def paint_parts(rig: Rig) -> np.ndarray:
    """[V, 3] linear albedo painted on vertices: teeth, gums, tongue, mouth socket, back of the head."""
    colours = np.tile(np.array([0.545, 0.285, 0.193]), (len(rig.neutral), 1))
    position = rig.mean_face
    material = {name: np.unique(rig.faces[rig.face_material == i]) for i, name in enumerate(rig.material_names)}
    teeth = material["M_Teeth"][material["M_Teeth"] >= 0]
    depth = np.clip((position[teeth, 1] + 0.105) / 0.05, 0, 1)[:, None]  # 0 at the incisors, 1 at the molars
    colours[teeth] = np.array([0.74, 0.66, 0.54]) * (1 - 0.45 * depth)
    gums = material["M_GumsTongue"][material["M_GumsTongue"] >= 0]
    colours[gums] = np.array([0.62, 0.23, 0.21])
    colours[MOUTH_SOCKET] = np.array([0.34, 0.085, 0.075])
    colours[BACK_HEAD] += hair_coverage(rig)[BACK_HEAD, None] * (HAIR - colours[BACK_HEAD])
    return colours.astype(np.float32)


def hair_coverage(rig: Rig) -> np.ndarray:
    """[V] 0..0.85: close-cropped hair at the temples, in front of and behind the ears and on the nape."""
    x, y, z = rig.mean_face.T
    x = np.abs(x)

    def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
        return np.clip((value - start) / (end - start), 0, 1)

    above_ear = ramp(z, 0.034, 0.042) * ramp(y, -0.052, -0.040)
    sideburn = ramp(y, -0.044, -0.034) * ramp(-y, 0.014, 0.022) * ramp(z, -0.004, 0.012) * ramp(x, 0.062, 0.066)
    nape = ramp(z, -0.045, -0.025) * ramp(y, 0.020, 0.040)
    return 0.85 * np.maximum(np.maximum(above_ear, sideburn), nape)


def principled(name: str, roughness: float, specular: float) -> tuple[bpy.types.Material, object]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Specular IOR Level"].default_value = specular
    return material, shader


def vertex_painted(name: str, roughness: float, specular: float) -> bpy.types.Material:
    """A material whose colour is the mesh's "paint" attribute."""
    material, shader = principled(name, roughness, specular)
    paint = material.node_tree.nodes.new("ShaderNodeAttribute")
    paint.attribute_name = "paint"
    material.node_tree.links.new(paint.outputs["Color"], shader.inputs["Base Color"])
    return material


def lash_length(rig: Rig) -> np.ndarray:
    """[len(UPPER_LASHES)] 0 at the lid, 1 at the farthest tip."""
    distance, _ = cKDTree(rig.mean_face[:6706]).query(rig.mean_face[UPPER_LASHES])
    length = distance / distance.max() * 1.2
    length[np.abs(rig.mean_face[UPPER_LASHES, 0]) > 0.0450] = 2.0  # the strips continue past the outer corner
    return length.astype(np.float32)


def lash_material() -> bpy.types.Material:
    """Dark strands: the rig's strips are cut into hairs that thin out and end towards the tips."""
    material, shader = principled("lashes", 0.7, 0.1)
    shader.inputs["Base Color"].default_value = (0.012, 0.008, 0.006, 1.0)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    kinds = ("Attribute", "TexCoord", "SeparateXYZ", "TexNoise", "Math", "Math")
    length, uv, split, strands, threshold, cut = (nodes.new(f"ShaderNode{kind}") for kind in kinds)
    length.attribute_name = "lash"
    strands.noise_dimensions = "1D"
    strands.inputs["Scale"].default_value = 90.0
    strands.inputs["Detail"].default_value = 0.0
    threshold.operation, cut.operation = "MULTIPLY_ADD", "GREATER_THAN"
    threshold.inputs[1].default_value, threshold.inputs[2].default_value = 0.75, 0.38
    links.new(uv.outputs["UV"], split.inputs[0])
    links.new(split.outputs["X"], strands.inputs["W"])
    links.new(length.outputs["Fac"], threshold.inputs[0])
    links.new(strands.outputs["Fac"], cut.inputs[0])
    links.new(threshold.outputs[0], cut.inputs[1])
    links.new(cut.outputs[0], shader.inputs["Alpha"])
    return material


def skin_material(picture: np.ndarray) -> bpy.types.Material:
    """The painted skin [S, S, 3] display sRGB, with cropped hair where the "hair" attribute says."""
    size = picture.shape[0]
    image = bpy.data.images.new("skin", size, size, alpha=False)
    image.colorspace_settings.name = "sRGB"
    rgba = np.ones((size, size, 4), np.float32)
    rgba[..., :3] = picture[::-1]
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
    material, shader = principled("skin", 0.50, 0.35)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    kinds = ("Attribute", "TexNoise", "Math", "MixRGB")
    cover, strands, patchy, mix = (nodes.new(f"ShaderNode{kind}") for kind in kinds)
    cover.attribute_name = "hair"
    strands.inputs["Scale"].default_value = 260.0  # across the UV tile: about a millimetre a tuft
    patchy.operation, patchy.use_clamp = "MULTIPLY", True
    mix.inputs["Color2"].default_value = (*HAIR, 1.0)
    position = nodes.new("ShaderNodeTexCoord")
    boost = nodes.new("ShaderNodeMath")
    boost.operation, boost.inputs[1].default_value, boost.inputs[2].default_value = "MULTIPLY_ADD", 2.4, -0.2
    links.new(position.outputs["UV"], strands.inputs["Vector"])
    links.new(strands.outputs["Fac"], boost.inputs[0])
    links.new(boost.outputs[0], patchy.inputs[0])
    links.new(cover.outputs["Fac"], patchy.inputs[1])
    links.new(patchy.outputs[0], mix.inputs["Fac"])
    links.new(texture.outputs["Color"], mix.inputs["Color1"])
    links.new(mix.outputs["Color"], shader.inputs["Base Color"])
    return material


def head_materials(skin: np.ndarray) -> dict[str, bpy.types.Material]:
    """The material of each part of the rig that is rendered; skin [S, S, 3] display sRGB."""
    return {
        "M_Face": skin_material(skin),
        "M_BackHead": vertex_painted("back of head", 0.6, 0.2),
        "M_GumsTongue": vertex_painted("gums and tongue", 0.35, 0.4),
        "M_Teeth": vertex_painted("teeth", 0.22, 0.45),
        "M_EyeLashes": lash_material(),
    }
