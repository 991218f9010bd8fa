"""Frames of images, sprites and files, in and out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pipecat_rs.frames.base import DataFrame, SystemFrame
from pipecat_rs.frames.timestamp import format_pts

FileSourceType = Literal["bytes", "url"]


@dataclass(repr=False, eq=False)
class ImageRawFrame:
    """A raw image; what input and output image frames have in common.

    Attributes:
        image: The pixels, or the encoded image.
        size: Width and height in pixels.
        format: Pixel format, such as ``"RGB"``, or None.
    """

    image: bytes
    size: tuple[int, int]
    format: str | None


@dataclass(repr=False, eq=False)
class FileRawFrame:
    """A file; what file frames have in common.

    Attributes:
        file: The file as a base64 data URL, or its URL, as `type` says.
        type: ``"bytes"`` or ``"url"``.
        filename: Name of the file, or None.
        format: Its MIME type.
    """

    file: str
    type: FileSourceType
    filename: str | None
    format: str


@dataclass(repr=False, eq=False)
class OutputImageRawFrame(DataFrame, ImageRawFrame):
    """An image for the output transport to show.

    Attributes:
        sync_with_audio: Show it only after the audio before it was played, rather than at once.
    """

    sync_with_audio: bool = field(default=False, init=False)

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, destination: {self.transport_destination}, "
            f"size: {self.size}, format: {self.format})"
        )


@dataclass(repr=False, eq=False)
class URLImageRawFrame(OutputImageRawFrame):
    """An output image which can also be fetched.

    Attributes:
        url: Where to fetch it.
    """

    url: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, url: {self.url}, "
            f"size: {self.size}, format: {self.format})"
        )


@dataclass(repr=False, eq=False)
class AssistantImageRawFrame(OutputImageRawFrame):
    """An image made by the assistant, to be shown and remembered.

    Attributes:
        original_data: The image as it was made, before conversion for showing.
        original_mime_type: MIME type of `original_data`.
    """

    original_data: bytes | None = None
    original_mime_type: str | None = None


@dataclass(repr=False, eq=False)
class SpriteFrame(DataFrame):
    """An animation, shown at the output transport's frame rate.

    Attributes:
        images: The images, in order.
    """

    images: list[OutputImageRawFrame]

    def __str__(self) -> str:
        return f"{self.name}(pts: {format_pts(self.pts)}, size: {len(self.images)})"


@dataclass(repr=False, eq=False)
class UserImageRequestFrame(SystemFrame):
    """A request for a picture of a user's video.

    Attributes:
        user_id: The user.
        text: Words to go with the image, or None.
        append_to_context: Whether the image is added to the context, or None for the default.
        video_source: Which of the user's sources, or None for the default.
        function_name: The function call which asks for the image, or None.
        tool_call_id: Identifier of that call, or None.
        result_callback: The callback which settles that call, or None.
    """

    user_id: str
    text: str | None = None
    append_to_context: bool | None = None
    video_source: str | None = None
    function_name: str | None = None
    tool_call_id: str | None = None
    result_callback: Any | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}(user: {self.user_id}, text: {self.text}, "
            f"append_to_context: {self.append_to_context}, {self.video_source})"
        )


@dataclass(repr=False, eq=False)
class InputImageRawFrame(SystemFrame, ImageRawFrame):
    """An image that came in from a transport, on `transport_source` if it has several."""

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, source: {self.transport_source}, "
            f"size: {self.size}, format: {self.format})"
        )


@dataclass(repr=False, eq=False)
class InputFileRawFrame(SystemFrame, FileRawFrame):
    """A file that came in from a transport."""

    def __str__(self) -> str:
        return f"{self.name}(pts: {format_pts(self.pts)}, type: {self.type})"


@dataclass(repr=False, eq=False)
class UserImageRawFrame(InputImageRawFrame):
    """An image of one user.

    Attributes:
        user_id: Identifier of the user.
        text: Words that go with the image, or None.
        append_to_context: Whether it is added to the context, or None for the default.
        request: The request that it answers, or None.
        run_llm: Whether the language model runs once it is added, or None for the default.
    """

    user_id: str = ""
    text: str | None = None
    append_to_context: bool | None = None
    request: UserImageRequestFrame | None = None
    run_llm: bool | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, user: {self.user_id}, "
            f"source: {self.transport_source}, size: {self.size}, format: {self.format}, "
            f"text: {self.text}, append_to_context: {self.append_to_context})"
        )


@dataclass(repr=False, eq=False)
class UserFileRawFrame(InputFileRawFrame):
    """A file of one user.

    Attributes:
        user_id: Identifier of the user.
        text: Words that go with the file.
        append_to_context: Whether it is added to the context, or None for the default.
        custom_options: Options for the language model's provider, or None.
        run_llm: Whether the language model runs once it is added, or None for the default.
    """

    user_id: str = ""
    text: str = ""
    append_to_context: bool | None = None
    custom_options: dict[str, Any] | None = None
    run_llm: bool | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}(pts: {format_pts(self.pts)}, user: {self.user_id}, "
            f"format: {self.format}, type: {self.type}, text: {self.text}, "
            f"append_to_context: {self.append_to_context})"
        )
