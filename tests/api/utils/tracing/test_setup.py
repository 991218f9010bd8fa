"""Tracing is there if OpenTelemetry is, and nothing is spent where it is not."""

import subprocess
import sys


def run(code: str) -> str:
    """Run a program with an interpreter of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WITHOUT = "import sys; sys.modules['opentelemetry'] = None\n"


def test_asking_for_it_does_not_import_it():
    code = "import sys\nfrom pipecat_rs.utils.tracing import setup, service_decorators\n"
    printed = "print(setup.is_tracing_available(), 'opentelemetry.sdk.trace' in sys.modules)"
    assert run(code + printed) == "True False"


def test_spans_go_to_the_exporter_with_what_is_known_of_the_process():
    code = """
import os
os.environ["HOSTNAME"], os.environ["ENVIRONMENT"] = "here", "test"
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pipecat_rs.utils.tracing.setup import setup_tracing
kept = InMemorySpanExporter()
assert setup_tracing("my-bot", exporter=kept) is True
trace.get_tracer("t").start_span("s").end()
trace.get_tracer_provider().force_flush()
(span,) = kept.get_finished_spans()
about = span.resource.attributes
print(about["service.name"], about["service.instance.id"], about["deployment.environment"])
"""
    assert run(code) == "my-bot here test"


def test_spans_can_be_printed():
    code = """
from opentelemetry import trace
from pipecat_rs.utils.tracing.setup import setup_tracing
setup_tracing(console_export=True)
trace.get_tracer("t").start_span("seen").end()
trace.get_tracer_provider().force_flush()
"""
    assert '"seen"' in run(code)


def test_without_opentelemetry_methods_stay_as_they_are():
    code = """
from pipecat_rs.utils.tracing import service_decorators as d, setup
async def method(self, context): ...
traced = [d.traced_llm, d.traced_llm(), d.traced_stt, d.traced_tts(name="x")]
traced += [d.traced_gemini_live("llm_setup"), d.traced_openai_realtime("llm_setup")]
assert all(trace(method) is method for trace in traced)
print(setup.is_tracing_available(), setup.setup_tracing())
"""
    assert run(WITHOUT + code) == "False False"


def test_without_opentelemetry_a_traced_task_runs_untraced_and_says_so():
    code = """
import asyncio, logging
from pipecat_rs.frames.frames import EndFrame
from pipecat_rs.pipeline.pipeline import Pipeline
from pipecat_rs.pipeline.worker import PipelineTask
from pipecat_rs.processors.filters.identity_filter import IdentityFilter
logging.basicConfig(format="%(message)s", stream=sys.stdout)
async def main():
    task = PipelineTask(Pipeline([IdentityFilter()]), name="it", enable_tracing=True)
    await task.queue_frame(EndFrame())
    await task.run()
    assert task.turn_trace_observer is None
asyncio.run(main())
"""
    assert run(WITHOUT + code) == 'it: is not traced: pip install "pipecat-rs[tracing]"'
