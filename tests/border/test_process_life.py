"""The life of the process around the engine: several loops in turn, exit in mid-run, fork."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
    import asyncio, gc, os, sys, threading
    from pipecat_rs.frames.frames import EndFrame, TextFrame
    from pipecat_rs.pipeline.pipeline import Pipeline
    from pipecat_rs.pipeline.task import PipelineTask
    from pipecat_rs.processors.frame_processor import FrameProcessor

    class Count(FrameProcessor):
        def __init__(self):
            super().__init__()
            self.texts = 0
        async def process_frame(self, frame, direction):
            await super().process_frame(frame, direction)
            if isinstance(frame, TextFrame):
                self.texts += 1
            await self.push_frame(frame, direction)

    class Stay(Count):
        async def process_frame(self, frame, direction):
            if isinstance(frame, TextFrame):
                await asyncio.Event().wait()
            await super().process_frame(frame, direction)

    async def session():
        count = Count()
        task = PipelineTask(Pipeline([Count(), count]))
        await task.queue_frames([TextFrame("a"), TextFrame("b"), EndFrame()])
        await task.run()
        return count.texts

    async def begin(*processors):
        task = PipelineTask(Pipeline(list(processors)))
        run = asyncio.create_task(task.run())
        await task.queue_frame(TextFrame("stays"))
        for _ in range(50):
            await asyncio.sleep(0)
        return task, run
"""


def run_program(body: str, *, status: int = 0, loop: str = "asyncio") -> str:
    """Run a program in a process of its own; what it printed. It must end, and not by a crash."""
    program = textwrap.dedent(PRELUDE) + textwrap.dedent(body)
    if loop == "uvloop":
        program = "import uvloop\nuvloop.install()\n" + program
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=25,
    )
    assert result.returncode == status, (
        f"ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    )
    assert "Fatal Python error" not in result.stderr and "panicked" not in result.stderr
    return result.stdout


LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@LOOPS
def test_asyncio_run_twice_in_one_process(loop: str):
    out = run_program("print(*(asyncio.run(session()) for _ in range(5)))", loop=loop)
    assert out.split() == ["2"] * 5


def test_loops_of_both_kinds_in_turn():
    out = run_program(
        """
        import uvloop
        for factory in (asyncio.new_event_loop, uvloop.new_event_loop) * 3:
            with asyncio.Runner(loop_factory=factory) as runner:
                print(runner.run(session()))
        """
    )
    assert out.split() == ["2"] * 6


@LOOPS
def test_program_that_ends_in_mid_run(loop: str):
    """The loop closes with a callback suspended, then the interpreter exits."""
    out = run_program(
        """
        async def main():
            await begin(Count(), Stay(), Count())
            print("leaving")
        asyncio.run(main())
        print("left")
        """,
        loop=loop,
    )
    assert out.split() == ["leaving", "left"]


def test_loop_that_is_never_closed():
    out = run_program(
        """
        loop = asyncio.new_event_loop()
        keep = loop.run_until_complete(begin(Count(), Stay()))
        print("leaving")
        """
    )
    assert out.split() == ["leaving"]


def test_loop_that_is_closed_without_cancelling_what_runs_on_it():
    out = run_program(
        """
        loop = asyncio.new_event_loop()
        keep = loop.run_until_complete(begin(Count(), Stay()))
        loop.close()
        del keep
        gc.collect()
        print(asyncio.run(session()))
        """
    )
    assert out.split() == ["2"]


@pytest.mark.parametrize("leave", ["sys.exit(3)", "os._exit(3)"])
def test_exit_from_within_a_callback(leave: str):
    run_program(
        f"""
        class Leaves(Count):
            async def process_frame(self, frame, direction):
                await super().process_frame(frame, direction)
                if isinstance(frame, TextFrame):
                    {leave}

        async def main():
            task, run = await begin(Count(), Leaves())
            await run
        asyncio.run(main())
        """,
        status=3,
    )


def test_exit_with_a_session_running_in_a_daemon_thread():
    out = run_program(
        """
        running = threading.Event()
        class Spins(Count):
            async def process_frame(self, frame, direction):
                await super().process_frame(frame, direction)
                if isinstance(frame, TextFrame):
                    running.set()
                    await self.queue_frame(frame)  # for ever

        async def main():
            task, run = await begin(Count(), Spins())
            await run
        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
        assert running.wait(10)
        print("leaving")
        """
    )
    assert out.split() == ["leaving"]


def test_exit_while_references_live_in_module_globals_and_atexit_handlers():
    out = run_program(
        """
        import atexit
        kept = asyncio.new_event_loop().run_until_complete(begin(Count(), Stay()))
        @atexit.register
        def late():
            frame = TextFrame("late")
            kept[0].snapshot()
            print("late")
        """
    )
    assert out.split() == ["late"]


def test_sigint_in_mid_run_ends_the_program_as_asyncio_run_does():
    program = (
        textwrap.dedent(PRELUDE)
        + """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it

async def main():
    task, run = await begin(Count(), Stay())
    print("running", flush=True)
    await run
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "running\n"
            child.send_signal(signal.SIGINT)
            rest, _ = child.communicate(timeout=15)
        finally:
            child.kill()
    assert rest.split() == ["interrupted"] and child.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_in_mid_run():
    """The child shares nothing with its parent's loop: it may leave, and the parent goes on."""
    out = run_program(
        """
        async def main():
            task, run = await begin(Count(), Stay())
            child = os.fork()
            if child == 0:
                gc.collect()
                os._exit(7)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status))
            await task.cancel()
            await run
            print(await session())
        asyncio.run(main())
        """
    )
    assert out.split() == ["7", "2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_after_a_run_and_a_session_in_the_child():
    out = run_program(
        """
        print(asyncio.run(session()), flush=True)
        child = os.fork()
        if child == 0:
            texts = asyncio.run(session())
            os._exit(texts)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), asyncio.run(session()))
        """
    )
    assert out.split() == ["2", "2", "2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_session_in_a_child_forked_in_mid_run():
    out = run_program(
        """
        async def main():
            task, run = await begin(Count(), Stay())
            child = os.fork()
            if child == 0:
                asyncio.events._set_running_loop(None)  # the loop belongs to the parent
                result = []
                thread = threading.Thread(target=lambda: result.append(asyncio.run(session())))
                thread.start()
                thread.join(10)
                os._exit(result[0] if result else 99)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status))
            await task.cancel()
            await run
        asyncio.run(main())
        """
    )
    assert out.split() == ["2"]


def test_multiprocessing_spawn():
    out = run_program(
        """
        import multiprocessing, pathlib, tempfile
        folder = tempfile.mkdtemp()
        pathlib.Path(folder, "child_program.py").write_text(
            "import asyncio\\n"
            "from pipecat_rs.frames.frames import EndFrame\\n"
            "from pipecat_rs.pipeline.pipeline import Pipeline\\n"
            "from pipecat_rs.pipeline.task import PipelineTask\\n"
            "def work(n):\\n"
            "    async def main():\\n"
            "        task = PipelineTask(Pipeline([]))\\n"
            "        await task.queue_frame(EndFrame())\\n"
            "        await task.run()\\n"
            "        return n * 2\\n"
            "    return asyncio.run(main())\\n"
        )
        sys.path.insert(0, folder)
        import child_program
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(child_program.work, [1, 2]))
        """
    )
    assert out.strip() == "[2, 4]"
