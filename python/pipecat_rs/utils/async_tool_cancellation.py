"""Functions by which a language model cancels a call that runs while the conversation goes on.

A function ``report`` that the model may cancel is shown to it together with ``cancel_report``.
"""

from __future__ import annotations

from pipecat_rs.adapters.llm.schemas.function_schema import FunctionSchema

__all__ = [
    "ASYNC_TOOL_CANCELLATION_INSTRUCTIONS",
    "CANCEL_TOOL_PREFIX",
    "build_cancel_tool_schema",
    "cancel_tool_name",
]

ASYNC_TOOL_CANCELLATION_INSTRUCTIONS = (
    "Some functions run on while you talk. For each of them that can be stopped there is a "
    "function of the same name that begins with cancel_. The others run to their end.\n"
    "As soon as the user gives up a result that has not come yet, or asks for something that "
    "takes its place, call the cancel_ function, also if you answer something else in the same "
    "turn. To say that it was cancelled stops nothing: the result would come all the same.\n"
    "If one call of the function is running, give no arguments. If there are several, give the "
    "tool_call_id of the one to stop: it is in the message which says that the call is running. "
    "Never make one up."
)
"""What the model is told as soon as there is a function that it may cancel."""

CANCEL_TOOL_PREFIX = "cancel_"
"""How the name of a cancelling function begins."""


def cancel_tool_name(function_name: str) -> str:
    """Return the name of the function that cancels calls of another.

    Args:
        function_name: The other.
    """
    return f"{CANCEL_TOOL_PREFIX}{function_name}"


def build_cancel_tool_schema(function_name: str) -> FunctionSchema:
    """Return the description of the function that cancels calls of another.

    Args:
        function_name: The other.
    """
    return FunctionSchema(
        name=cancel_tool_name(function_name),
        description=(
            f"Stops a call of {function_name} that is still running and whose result the user no "
            "longer wants. Needs no arguments while only one is running."
        ),
        properties={
            "tool_call_id": {
                "type": "string",
                "description": (
                    f"Which call of {function_name} to stop, if several are running: the "
                    "tool_call_id in the message which says that it is running."
                ),
            }
        },
        required=[],
    )
