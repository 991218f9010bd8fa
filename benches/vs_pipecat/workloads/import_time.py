"""How long does a fresh interpreter take to import what a bot imports first?

Run as a script with the name of the package; nothing else is imported before.
"""

import sys
import time

if __name__ == "__main__":
    package = sys.argv[1]
    begin, cpu = time.perf_counter(), time.process_time()
    for module in (
        "pipeline.pipeline",
        "pipeline.task",
        "processors.frame_processor",
        "frames.frames",
    ):
        __import__(f"{package}.{module}")
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    for name, value in (("import.wall", wall), ("import.cpu", cpu)):
        print(f'{{"name": "{name}", "unit": "ms", "value": {value * 1000}, "over_rounds": "min"}}')
