# SPDX-License-Identifier: GPL-3.0-or-later
"""The studio in Blender: the rig with materials, cap, jumper and eyes, under soft light, on film.

`Studio` is built once; `pose` moves the vertices and turns the eyes, `shoot` renders one picture.
The head never moves; the camera does. Units are metres, the space is the head's (see rig.py).
"""
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector
from scipy.spatial import cKDTree

from .rig import GAZE_DEGREES, UPPER_LASHES, Rig
from .skin import paint_skin
from .wardrobe import Garment, eyeball, knitted_cap, roll_neck

DRAWN = ("M_Face", "M_BackHead", "M_GumsTongue", "M_Teeth", "M_EyeLashes")
HIDDEN_BELOW = -0.130  # metres: skin under the jumper is not drawn
HAIR = np.array([0.060, 0.038, 0.027])  # linear albedo of cropped hair
FACE_LABEL, MOUTH_LABEL = 1, 2
OPENCV_TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])  # y down, z forward -> y up, z back


@dataclass(frozen=True)
class Part:
    """A mesh as the picture shows it, for the label and depth pass."""

    vertices: np.ndarray  # [N, 3] metres
    triangles: np.ndarray  # [M, 3]
    labels: np.ndarray  # [M] uint8


def triangulate(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[F, 4] quads (-1 in a triangle's last column) -> ([M, 3] triangles, [M] the face each came from)."""
    quads = np.flatnonzero(faces[:, 3] >= 0)
    triangles = np.concatenate([faces[:, :3], faces[quads][:, [0, 2, 3]]])
    return np.ascontiguousarray(triangles), np.concatenate([np.arange(len(faces)), quads])


def socket_shade(rig: Rig) -> np.ndarray:
    """[V, 3] linear albedo painted on vertices: teeth, gums, tongue, mouth socket, back of the head."""
    colours = np.tile(np.array([0.545, 0.285, 0.193]), (len(rig.neutral), 1))
    place = rig.mean_face
    material = {name: np.unique(rig.faces[rig.face_material == i]) for i, name in enumerate(rig.material_names)}
    teeth = material["M_Teeth"][material["M_Teeth"] >= 0]
    depth = np.clip((place[teeth, 1] + 0.105) / 0.05, 0, 1)[:, None]  # 0 at the incisors, 1 at the molars
    colours[teeth] = np.array([0.74, 0.66, 0.54]) * (1 - 0.45 * depth)
    gums = material["M_GumsTongue"][material["M_GumsTongue"] >= 0]
    colours[gums] = np.array([0.62, 0.23, 0.21])
    colours[11248:13294] = np.array([0.34, 0.085, 0.075])
    back = np.arange(9409, 11248)
    colours[back] += hair_cover(rig)[back, None] * (HAIR - colours[back])
    return colours.astype(np.float32)


def hair_cover(rig: Rig) -> np.ndarray:
    """[V] 0..0.85: close-cropped hair at the temples, before and behind the ears and on the nape."""
    x, y, z = rig.mean_face.T
    x = np.abs(x)

    def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
        return np.clip((value - start) / (end - start), 0, 1)

    above_ear = ramp(z, 0.034, 0.042) * ramp(y, -0.052, -0.040)
    sideburn = ramp(y, -0.044, -0.034) * ramp(-y, 0.014, 0.022) * ramp(z, -0.004, 0.012) * ramp(x, 0.062, 0.066)
    nape = ramp(z, -0.045, -0.025) * ramp(y, 0.020, 0.040)
    return 0.85 * np.maximum(np.maximum(above_ear, sideburn), nape)


def principled(name: str, roughness: float, specular: float, **inputs: float) -> tuple[bpy.types.Material, object]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Specular IOR Level"].default_value = specular
    for key, value in inputs.items():
        shader.inputs[key.replace("_", " ")].default_value = value
    return material, shader


def vertex_painted(name: str, roughness: float, specular: float, **inputs: float) -> bpy.types.Material:
    """A material whose colour is the mesh's "paint" attribute."""
    material, shader = principled(name, roughness, specular, **inputs)
    paint = material.node_tree.nodes.new("ShaderNodeAttribute")
    paint.attribute_name = "paint"
    material.node_tree.links.new(paint.outputs["Color"], shader.inputs["Base Color"])
    return material


def lash_length(rig: Rig) -> np.ndarray:
    """[len(UPPER_LASHES)] 0 at the lid, 1 at the farthest tip."""
    distance, _ = cKDTree(rig.mean_face[:6706]).query(rig.mean_face[UPPER_LASHES])
    length = distance / distance.max() * 1.2
    length[np.abs(rig.mean_face[UPPER_LASHES, 0]) > 0.0450] = 2.0  # the strips run on past the outer corner
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
    material, shader = principled("skin", 0.50, 0.35, Subsurface_Weight=0.0)
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


def new_object(name: str, vertices: np.ndarray, faces: np.ndarray, smooth: bool = True) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], [[v for v in face if v >= 0] for face in faces.tolist()])
    mesh.polygons.foreach_set("use_smooth", np.full(len(mesh.polygons), smooth))
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def paint(mesh: bpy.types.Mesh, colours: np.ndarray) -> None:
    attribute = mesh.attributes.new("paint", "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", np.c_[colours, np.ones(len(colours))].astype(np.float32).ravel())


def dress(name: str, garment: Garment, material: bpy.types.Material) -> bpy.types.Object:
    thing = new_object(name, garment.vertices, garment.faces)
    paint(thing.data, garment.colours)
    thing.data.materials.append(material)
    return thing


class Studio:
    """The actor, the lights and the camera."""

    def __init__(self, rig: Rig, width: int, height: int, samples: int = 8, skin: np.ndarray | None = None) -> None:
        """`skin` [S, S, 3] display sRGB replaces the painted one (which takes seconds)."""
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.rig = rig
        self._set_up_film(width, height, samples)
        self._light()
        self._build_head(skin)
        self.static_parts: list[Part] = []
        wool = vertex_painted("wool", 0.95, 0.05)
        for name, garment in (("cap", knitted_cap(rig)), ("jumper", roll_neck(rig))):
            dress(name, garment, wool)
            triangles, _ = triangulate(garment.faces)
            self.static_parts.append(Part(garment.vertices, triangles, np.full(len(triangles), FACE_LABEL, np.uint8)))
        self.eye = eyeball()
        wet = vertex_painted("eye", 0.12, 0.5)
        self.eyes = {side: dress(f"eye_{side}", self.eye, wet) for side in "LR"}
        self.eye_centres = {side: rig.eye_centre(side) for side in "LR"}
        self.pose(np.zeros(len(rig.expression_names)), (0.0, 0.0))

    def _set_up_film(self, width: int, height: int, samples: int) -> None:
        scene = bpy.context.scene
        scene.render.engine = "CYCLES"
        scene.cycles.samples = samples
        scene.cycles.use_adaptive_sampling = False
        scene.cycles.use_denoising = True
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
        scene.cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
        scene.cycles.denoising_prefilter = "FAST"
        scene.cycles.max_bounces = 3
        scene.cycles.diffuse_bounces, scene.cycles.glossy_bounces, scene.cycles.transmission_bounces = 2, 1, 0
        scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
        scene.render.film_transparent = True
        scene.render.use_persistent_data = True
        scene.render.resolution_x, scene.render.resolution_y = width, height
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_mode = "RGBA"
        scene.render.image_settings.color_depth = "8"
        scene.render.image_settings.compression = 30
        scene.view_settings.view_transform = "Standard"
        scene.render.dither_intensity = 0.0
        camera = bpy.data.cameras.new("camera")
        camera.sensor_fit, camera.clip_start = "VERTICAL", 0.05
        self.camera = bpy.data.objects.new("camera", camera)
        scene.collection.objects.link(self.camera)
        scene.camera = self.camera

    def _light(self) -> None:
        """A large key at the actor's front right (screen left), a low fill for the mouth, a rim, a bright room."""
        scene = bpy.context.scene
        world = bpy.data.worlds.new("room")
        scene.world = world
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.95, 0.98, 1.0, 1.0)
        world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.42
        for name, place, size, watts, tint in (
            ("key", (-0.75, -1.05, 0.75), 0.9, 19.0, (1.0, 0.96, 0.91)),
            ("fill", (0.30, -1.20, -0.08), 0.5, 7.0, (1.0, 0.98, 0.96)),
            ("catch", (-0.30, -1.20, 0.22), 0.16, 1.2, (1.0, 1.0, 1.0)),
            ("rim", (0.75, 0.85, 0.55), 0.5, 11.0, (0.92, 0.96, 1.0)),
        ):
            light = bpy.data.lights.new(name, "AREA")
            light.energy, light.size, light.color = watts, size, tint
            lamp = bpy.data.objects.new(name, light)
            lamp.location = place
            lamp.rotation_euler = (-Vector(place)).to_track_quat("-Z", "Y").to_euler()
            lamp.visible_glossy = name != "fill"  # one catchlight in the eye, not two over the pupil
            scene.collection.objects.link(lamp)

    def _build_head(self, skin: np.ndarray | None) -> None:
        rig = self.rig
        drawn = np.isin(rig.face_material, [rig.material_names.index(name) for name in DRAWN])
        heights = rig.mean_face[:, 2][rig.faces[:, :3]].max(axis=1)
        lashes = rig.face_material == rig.material_names.index("M_EyeLashes")
        drawn &= ~lashes | np.isin(rig.faces[:, 0], UPPER_LASHES)  # the lower strips would read as make-up
        shoulder = (np.abs(rig.mean_face[:, 0])[rig.faces[:, :3]].max(axis=1) > 0.078) & (heights < -0.085)
        in_socket = (rig.faces[:, 0] >= 13294) & (rig.faces[:, 0] < 14062)  # eye sockets stay: they close the lids' gap
        self.face_rows = np.flatnonzero(drawn & ~shoulder & ((heights > HIDDEN_BELOW) | in_socket))
        faces = rig.faces[self.face_rows]
        self.head = new_object("head", rig.neutral, faces)
        mesh = self.head.data
        paint(mesh, socket_shade(rig))
        mesh.attributes.new("hair", "FLOAT", "POINT").data.foreach_set("value", hair_cover(rig).astype(np.float32))
        materials = {
            "M_Face": skin_material(paint_skin(rig) if skin is None else skin),
            "M_BackHead": vertex_painted("back of head", 0.6, 0.2),
            "M_GumsTongue": vertex_painted("gums and tongue", 0.35, 0.4),
            "M_Teeth": vertex_painted("teeth", 0.22, 0.45),
            "M_EyeLashes": lash_material(),
        }
        for material in materials.values():
            mesh.materials.append(material)
        slot = {rig.material_names.index(name): i for i, name in enumerate(materials)}
        slots = np.array([slot[m] for m in rig.face_material[self.face_rows]], np.int32)
        mesh.polygons.foreach_set("material_index", slots)
        layer = mesh.uv_layers.new(name="uv")
        corners = rig.faces_uv[self.face_rows].ravel()
        layer.data.foreach_set("uv", rig.uv[corners[corners >= 0]].astype(np.float32).ravel())
        length = np.zeros(len(rig.neutral), np.float32)
        length[UPPER_LASHES] = lash_length(rig)
        mesh.attributes.new("lash", "FLOAT", "POINT").data.foreach_set("value", length)
        solid = faces[~lashes[self.face_rows]]  # lashes are thinner than a pixel: neither label nor depth
        triangles, origin = triangulate(solid)
        solid_material = rig.face_material[self.face_rows][~lashes[self.face_rows]]
        inside = np.isin(solid_material, [rig.material_names.index(n) for n in ("M_GumsTongue", "M_Teeth")])
        inside |= (solid[:, 0] >= 11248) & (solid[:, 0] < 13294)
        self.head_triangles = triangles
        self.head_labels = np.where(inside, MOUTH_LABEL, FACE_LABEL)[origin].astype(np.uint8)

    def pose(self, weights: np.ndarray, gaze: tuple[float, float]) -> None:
        """Expression weights [E]; gaze (to the own left, up), 1 = GAZE_DEGREES."""
        self.vertices = self.rig.vertices(weights).astype(np.float32)
        mesh = self.head.data
        mesh.vertices.foreach_set("co", self.vertices.ravel())
        mesh.update()
        left, up = np.radians(GAZE_DEGREES) * np.asarray(gaze)
        self.eye_turn = (Matrix.Rotation(left, 3, "Z") @ Matrix.Rotation(-up, 3, "X")).to_4x4()
        for side, eye in self.eyes.items():
            eye.matrix_world = Matrix.Translation(self.eye_centres[side]) @ self.eye_turn

    def parts(self) -> list[Part]:
        """Everything that is drawn, at the present pose."""
        triangles, _ = triangulate(self.eye.faces)
        turned = self.eye.vertices @ np.array(self.eye_turn.to_3x3()).T
        eyes = [
            Part((turned + centre).astype(np.float32), triangles, np.full(len(triangles), FACE_LABEL, np.uint8))
            for centre in self.eye_centres.values()
        ]
        return [Part(self.vertices, self.head_triangles, self.head_labels), *self.static_parts, *eyes]

    def shoot(self, viewmat: np.ndarray, focal: float, picture_file: Path, seed: int = 0) -> None:
        """Render with world->camera `viewmat` [4, 4] (OpenCV) and `focal` in pixels, centred.

        Each picture has its own noise seed, so that what the denoiser leaves averages out over pictures.
        """
        scene = bpy.context.scene
        scene.cycles.seed = seed
        self.camera.matrix_world = Matrix(np.linalg.inv(viewmat) @ OPENCV_TO_BLENDER)
        self.camera.data.angle = float(2 * np.arctan(scene.render.resolution_y / 2 / focal))
        scene.render.filepath = str(picture_file)
        bpy.ops.render.render(write_still=True)
