# SPDX-License-Identifier: GPL-3.0-or-later
"""The studio in Blender: the rig with materials, cap, jumper and eyes, under soft light.

`Studio` is built once; `pose` moves the vertices and rotates the eyes, `render` renders one picture.
The head never moves; the camera does. Units are metres, the space is the head's (see expression_rig.py).
"""

from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...core.footage import LABEL_FACE, LABEL_MOUTH
from .expression_rig import EYE_SOCKETS, GAZE_DEGREES, MOUTH_SOCKET, UPPER_LASHES, Rig, within
from .materials import hair_coverage, head_materials, lash_length, paint_parts, vertex_painted
from .skin import paint_skin
from .wardrobe import Garment, eyeball, knitted_cap, roll_neck
from .zbuffer import LabelledMesh

RENDERED_MATERIALS = ("M_Face", "M_BackHead", "M_GumsTongue", "M_Teeth", "M_EyeLashes")
HIDDEN_BELOW = -0.130  # metres: skin under the jumper is not rendered
OPENCV_TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])  # y down, z forward -> y up, z back


def triangulate(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[F, 4] quads (-1 in a triangle's last column) -> ([M, 3] triangles, [M] the face each came from)."""
    quads = np.flatnonzero(faces[:, 3] >= 0)
    triangles = np.concatenate([faces[:, :3], faces[quads][:, [0, 2, 3]]])
    return np.ascontiguousarray(triangles), np.concatenate([np.arange(len(faces)), quads])


def add_mesh(name: str, vertices: np.ndarray, faces: np.ndarray) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], [[v for v in face if v >= 0] for face in faces.tolist()])
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def paint_vertices(mesh: bpy.types.Mesh, colours: np.ndarray) -> None:
    attribute = mesh.attributes.new("paint", "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", np.c_[colours, np.ones(len(colours))].astype(np.float32).ravel())


def add_garment(name: str, garment: Garment, material: bpy.types.Material) -> bpy.types.Object:
    obj = add_mesh(name, garment.vertices, garment.faces)
    paint_vertices(obj.data, garment.colours)
    obj.data.materials.append(material)
    return obj


class Studio:
    """The actor, the lights and the camera."""

    def __init__(self, rig: Rig, width: int, height: int, samples: int = 8, skin: np.ndarray | None = None) -> None:
        """`skin` [S, S, 3] display sRGB replaces the painted one (which takes seconds)."""
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.rig = rig
        self._set_up_render(width, height, samples)
        self._add_lights()
        self._build_head(skin)
        self.static_meshes: list[LabelledMesh] = []
        wool = vertex_painted("wool", 0.95, 0.05)
        for name, garment in (("cap", knitted_cap(rig)), ("jumper", roll_neck(rig))):
            add_garment(name, garment, wool)
            triangles, _ = triangulate(garment.faces)
            self.static_meshes.append(
                LabelledMesh(garment.vertices, triangles, np.full(len(triangles), LABEL_FACE, np.uint8))
            )
        self.eye = eyeball()
        wet = vertex_painted("eye", 0.12, 0.5)
        self.eyes = {side: add_garment(f"eye_{side}", self.eye, wet) for side in "LR"}
        self.eye_centres = {side: rig.eye_centre(side) for side in "LR"}
        self.pose(np.zeros(len(rig.expression_names)), (0.0, 0.0))

    def _set_up_render(self, width: int, height: int, samples: int) -> None:
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

    def _add_lights(self) -> None:
        """A large key at the actor's front right (screen left), a low fill for the mouth, a rim, a bright room."""
        scene = bpy.context.scene
        world = bpy.data.worlds.new("room")
        scene.world = world
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.95, 0.98, 1.0, 1.0)
        world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.42
        for name, position, size, watts, tint in (
            ("key", (-0.75, -1.05, 0.75), 0.9, 19.0, (1.0, 0.96, 0.91)),
            ("fill", (0.30, -1.20, -0.08), 0.5, 7.0, (1.0, 0.98, 0.96)),
            ("catch", (-0.30, -1.20, 0.22), 0.16, 1.2, (1.0, 1.0, 1.0)),
            ("rim", (0.75, 0.85, 0.55), 0.5, 11.0, (0.92, 0.96, 1.0)),
        ):
            light = bpy.data.lights.new(name, "AREA")
            light.energy, light.size, light.color = watts, size, tint
            lamp = bpy.data.objects.new(name, light)
            lamp.location = position
            lamp.rotation_euler = (-Vector(position)).to_track_quat("-Z", "Y").to_euler()
            lamp.visible_glossy = name != "fill"  # one catchlight in the eye, not two over the pupil
            scene.collection.objects.link(lamp)

    def _build_head(self, skin: np.ndarray | None) -> None:
        rig = self.rig
        face_rows = self._rendered_faces()
        faces, face_material = rig.faces[face_rows], rig.face_material[face_rows]
        self.head = add_mesh("head", rig.neutral, faces)
        mesh = self.head.data
        paint_vertices(mesh, paint_parts(rig))
        mesh.attributes.new("hair", "FLOAT", "POINT").data.foreach_set("value", hair_coverage(rig).astype(np.float32))
        materials = head_materials(paint_skin(rig) if skin is None else skin)
        for material in materials.values():
            mesh.materials.append(material)
        slot = {rig.material_names.index(name): i for i, name in enumerate(materials)}
        mesh.polygons.foreach_set("material_index", np.array([slot[m] for m in face_material], np.int32))
        layer = mesh.uv_layers.new(name="uv")
        corners = rig.faces_uv[face_rows].ravel()
        layer.data.foreach_set("uv", rig.uv[corners[corners >= 0]].astype(np.float32).ravel())
        length = np.zeros(len(rig.neutral), np.float32)
        length[UPPER_LASHES] = lash_length(rig)
        mesh.attributes.new("lash", "FLOAT", "POINT").data.foreach_set("value", length)
        solid = face_material != rig.material_names.index("M_EyeLashes")  # lashes are thinner than a pixel: no label
        self.head_triangles, origin = triangulate(faces[solid])
        inside = np.isin(face_material[solid], [rig.material_names.index(n) for n in ("M_GumsTongue", "M_Teeth")])
        inside |= within(faces[solid][:, 0], MOUTH_SOCKET)
        self.head_labels = np.where(inside, LABEL_MOUTH, LABEL_FACE)[origin].astype(np.uint8)

    def _rendered_faces(self) -> np.ndarray:
        """Numbers of the rig's faces that are seen: not the shoulders under the jumper, not the lower lashes."""
        rig = self.rig
        rendered = np.isin(rig.face_material, [rig.material_names.index(name) for name in RENDERED_MATERIALS])
        lashes = rig.face_material == rig.material_names.index("M_EyeLashes")
        rendered &= ~lashes | np.isin(rig.faces[:, 0], UPPER_LASHES)  # the lower strips would read as make-up
        heights = rig.mean_face[:, 2][rig.faces[:, :3]].max(axis=1)
        shoulder = (np.abs(rig.mean_face[:, 0])[rig.faces[:, :3]].max(axis=1) > 0.078) & (heights < -0.085)
        in_socket = within(rig.faces[:, 0], EYE_SOCKETS)  # eye sockets stay: they close the lids' gap
        return np.flatnonzero(rendered & ~shoulder & ((heights > HIDDEN_BELOW) | in_socket))

    def pose(self, weights: np.ndarray, gaze: tuple[float, float]) -> None:
        """Expression weights [E]; gaze (towards its own left, up), 1 = GAZE_DEGREES."""
        self.vertices = self.rig.vertices(weights).astype(np.float32)
        mesh = self.head.data
        mesh.vertices.foreach_set("co", self.vertices.ravel())
        mesh.update()
        left, up = np.radians(GAZE_DEGREES) * np.asarray(gaze)
        self.eye_rotation = (Matrix.Rotation(left, 3, "Z") @ Matrix.Rotation(-up, 3, "X")).to_4x4()
        for side, eye in self.eyes.items():
            eye.matrix_world = Matrix.Translation(self.eye_centres[side]) @ self.eye_rotation

    def labelled_meshes(self) -> list[LabelledMesh]:
        """Everything that is rendered but lashes, at the present pose."""
        triangles, _ = triangulate(self.eye.faces)
        rotated = self.eye.vertices @ np.array(self.eye_rotation.to_3x3()).T
        eyes = [
            LabelledMesh(
                (rotated + centre).astype(np.float32), triangles, np.full(len(triangles), LABEL_FACE, np.uint8)
            )
            for centre in self.eye_centres.values()
        ]
        return [LabelledMesh(self.vertices, self.head_triangles, self.head_labels), *self.static_meshes, *eyes]

    def render(self, viewmat: np.ndarray, focal: float, picture_file: Path, seed: int = 0) -> None:
        """Render with world->camera `viewmat` [4, 4] (OpenCV) and `focal` in pixels, centred.

        Each picture has its own noise seed, so that what the denoiser leaves averages out over pictures.
        """
        scene = bpy.context.scene
        scene.cycles.seed = seed
        self.camera.matrix_world = Matrix(np.linalg.inv(viewmat) @ OPENCV_TO_BLENDER)
        self.camera.data.angle = float(2 * np.arctan(scene.render.resolution_y / 2 / focal))
        scene.render.filepath = str(picture_file)
        bpy.ops.render.render(write_still=True)
