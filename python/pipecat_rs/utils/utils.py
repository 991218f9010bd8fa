"""Identifiers and numbers of objects; they are counted together with the frames."""

from pipecat_rs.frames.identity import obj_count, obj_id

__all__ = ["obj_count", "obj_id"]
