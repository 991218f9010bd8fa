"""The voice agent demo: `pipecat-rs demo`."""
