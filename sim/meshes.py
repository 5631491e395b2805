"""Simplified visual meshes: rendering costs vertices, and robosuite's Panda brings 133,000 faces.

Only what is looked at is simplified; collision meshes and inertias stay as they are.
"""

from __future__ import annotations

import fast_simplification
import mujoco
import numpy as np
from numpy.typing import NDArray

VISUAL_GROUP = 1
"""robosuite draws geoms of group 1 and collides geoms of group 0."""
KEEP_BELOW = 300
"""Faces: smaller meshes cost nothing and would lose their shape."""


def simplify_visual_meshes(spec: mujoco.MjSpec, model: mujoco.MjModel, keep: float) -> int:
    """Replace the large visual meshes of `spec` by ones with about `keep` (0–1] of their faces.

    `model` is the compiled `spec`, from which vertices are read. Returns the number of faces left
    in the simplified meshes.
    """
    visual = {
        g.meshname
        for g in spec.geoms
        if g.type == mujoco.mjtGeom.mjGEOM_MESH and g.group == VISUAL_GROUP
    }
    left = 0
    for mesh in spec.meshes:
        index = model.mesh(mesh.name).id
        if mesh.name not in visual or model.mesh_facenum[index] < KEEP_BELOW:
            continue
        vertices, faces = _welded(model, index)
        target = max(KEEP_BELOW // 2, int(len(faces) * keep))
        vertices, faces = fast_simplification.simplify(vertices, faces, target_count=target)
        mesh.file = ""
        mesh.uservert = vertices.reshape(-1).tolist()
        mesh.userface = faces.reshape(-1).tolist()
        mesh.scale, mesh.refpos, mesh.refquat = [1, 1, 1], [0, 0, 0], [1, 0, 0, 0]
        left += len(faces)
    return left


def _welded(model: mujoco.MjModel, index: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) in metres, in the frame of the mesh file, and faces (F, 3) without doubles.

    MuJoCo centres and turns each mesh when it compiles; undo that here.
    """
    start, count = model.mesh_vertadr[index], model.mesh_vertnum[index]
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.mesh_quat[index])
    vertices = model.mesh_vert[start : start + count] @ rotation.reshape(3, 3).T
    vertices = vertices + model.mesh_pos[index]
    start, count = model.mesh_faceadr[index], model.mesh_facenum[index]
    unique, inverse = np.unique(vertices.round(6), axis=0, return_inverse=True)
    faces = inverse.reshape(-1)[model.mesh_face[start : start + count]]
    return unique.astype(np.float32), faces.reshape(-1, 3).astype(np.int32)
